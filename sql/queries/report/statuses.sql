-- How many projects of each provider have each status now.
select
    provider,
    status,
    count(*) as projects,
    count(*) filter (where is_open) as open_projects,
from report_projects
where is_current
group by provider, status
