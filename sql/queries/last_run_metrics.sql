-- The last run that was published. Times are seconds since 1970; `exit_code` as `rollcall sync` ends.
select
    epoch(runs.started_at) as started,
    epoch(runs.finished_at) - epoch(runs.started_at) as seconds,
    if(runs.outcome = 'partial', 3, 0) as exit_code,
from runs
where runs.operation = 'sync'
order by runs.started_at desc
limit 1
