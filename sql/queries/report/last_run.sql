-- The last run, how many runs there were with it, and when the first of them started.
select
    epoch_ms(started_at) as started_at,
    rollcall_version,
    duckdb_version,
    count(*) over () as runs,
    epoch_ms(min(started_at) over ()) as first_started_at,
from runs
order by started_at desc
limit 1
