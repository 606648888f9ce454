-- How many projects each kind of change happened to in each period.
select
    period,
    kind,
    count(*) as projects,
from report_happened
group by period, kind
