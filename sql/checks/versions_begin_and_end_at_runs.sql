-- Every version begins and ends at the start of a run.
select
    version.connection,
    version.record_id,
    version.moment,
from (
    select
        connection,
        record_id,
        unnest([valid_from, valid_to]) as moment,
    from raw.records
) as version
left join raw.runs as run on version.moment = run.started_at
where version.moment is not null and run.started_at is null
order by all
