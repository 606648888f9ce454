-- time zones that CLDR's table of Windows names lacks stay in attributes
-- severity: warning
select
    provider,
    provider_time_zone,
    count(*) as projects,
from staging.projects
where valid_to is null and time_zone is null and provider_time_zone is not null
group by all
order by all
