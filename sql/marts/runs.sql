-- Every published run, and every operation that was published like a run.
-- grain: started_at
-- example: select started_at, finished_at - started_at as duration, outcome from runs order by started_at desc
select
    runs.started_at, -- start of the run, at which its versions begin and end
    runs.finished_at, -- end of its last listing
    runs.outcome, -- complete if every listing was verified, else partial
    runs.rollcall_version, -- version of Rollcall that ran it
    runs.duckdb_version, -- version of DuckDB that wrote it
    coalesce(operations.operation, 'sync') as operation, -- sync; or retire, rename or prune, which contact no provider
    operations.history_begins_at, -- prune: versions that ended before this were dropped; else null
from raw.runs
left join raw.operations on runs.started_at = operations.started_at
order by runs.started_at
