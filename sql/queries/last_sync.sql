-- The last run that was published, without operations.
select
    started_at,
    finished_at,
    outcome,
from runs
where operation = 'sync'
order by started_at desc
limit 1
