-- statuses without a mapping are read as unknown: add them to status_mapping.csv
-- severity: warning
select
    project.provider,
    project.provider_status,
    count(*) as projects,
from projects as project
left join status_mapping as mapping
    on
        project.provider = mapping.provider
        and staging.status_key(project.provider_status) = staging.status_key(mapping.provider_status)
where project.status = 'unknown' and mapping.status is null
group by all
order by all
