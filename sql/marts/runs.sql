-- Every run that was published.
-- grain: started_at
select
    runs.started_at, -- the instant at which this run's versions begin and end
    runs.finished_at, -- when all listings had ended
    runs.outcome, -- complete if every listing was verified, else partial
    runs.rollcall_version, -- version of Rollcall that ran it
    runs.duckdb_version, -- version of DuckDB that wrote it
    coalesce(operations.operation, 'sync') as operation, -- sync; retire, rename and prune asked no provider
    operations.history_begins_at, -- prune: versions that ended before are dropped; null elsewhere
from raw.runs
left join raw.operations on runs.started_at = operations.started_at
order by runs.started_at
