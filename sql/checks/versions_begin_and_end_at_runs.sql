-- Every version begins with a run, and ends with one.
select
    version.connection,
    version.record_id,
    version.instant,
from (
    select
        connection,
        record_id,
        unnest([valid_from, valid_to]) as instant,
    from raw.records
) as version
left join raw.runs as run on version.instant = run.started_at
where version.instant is not null and run.started_at is null
order by all
