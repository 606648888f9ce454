-- The last run that was published. Times are seconds since 1970; `exit_code` as `rollcall sync` ends.
select
    epoch(run.started_at) as started,
    epoch(run.finished_at) - epoch(run.started_at) as seconds,
    if(run.outcome = 'partial', 3, 0) as exit_code,
from ({{ last_sync }}) as run
