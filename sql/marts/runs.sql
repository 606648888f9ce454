-- Every published run.
-- grain: started_at
-- example: select started_at, finished_at - started_at as duration, outcome from runs order by started_at desc
select
    started_at, -- start of the run, at which its versions begin and end
    finished_at, -- end of its last listing
    outcome, -- complete if every listing was verified, else partial
    rollcall_version, -- version of Rollcall that ran it
    duckdb_version, -- version of DuckDB that wrote it
from raw.runs
order by started_at
