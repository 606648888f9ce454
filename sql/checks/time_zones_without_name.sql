-- time zones that CLDR's table of Windows names lacks stay in attributes
-- severity: warning
select
    attributes ->> 'TimeZone' as time_zone,
    count(*) as projects,
from projects
where time_zone is null and (attributes ->> 'TimeZone') is not null
group by all
order by all
