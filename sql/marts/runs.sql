-- Every night that was published.
-- grain: started_at
select
    started_at, -- the instant at which this run's versions begin and end
    finished_at, -- when all listings had ended
    outcome, -- complete if every listing was verified, else partial
    rollcall_version, -- version of Rollcall that ran it
    duckdb_version, -- version of DuckDB that wrote it
from raw.runs
order by started_at
