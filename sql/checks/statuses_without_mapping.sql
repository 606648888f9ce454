-- statuses without a mapping read as unknown, name them in status_mapping.csv
-- severity: warning
select
    provider,
    provider_status,
    count(*) as projects,
from projects
where status = 'unknown'
group by provider, provider_status
order by provider, provider_status
