-- The last snapshot of the last run that began at or before a time.
select max_by(snapshot_id, (run, snapshot_id)) as snapshot_id,
from (
    select
        snapshot_id,
        cast(commit_extra_info ->> '$.run' as timestamptz) as run,
    from {{ snapshots }}
    where author = 'rollcall'
)
where run <= $moment
