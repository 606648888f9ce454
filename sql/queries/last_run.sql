-- The last run or operation that was published.
select
    started_at,
    finished_at,
    outcome,
    rollcall_version,
    duckdb_version,
from {{ runs }}
order by started_at desc
limit 1
