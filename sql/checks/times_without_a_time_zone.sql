-- times without an offset are read as UTC: set time_zone for the connection
-- severity: warning
with received as (
    -- The records of the last run, of connections that could have a time zone and have none.
    select
        record.connection,
        coalesce(
            staging.unset_to_null(record.payload ->> '$.dateCreated'),
            staging.unset_to_null(record.payload ->> '$.DateCreated'),
            staging.unset_to_null(record.payload ->> '$.dateLastModified'),
            staging.unset_to_null(record.payload ->> '$.DateLastModified')
        ) as time_text,
    from raw.records as record
    inner join staging.last_run as run on record.last_seen_at = run.started_at
    left join raw.connections as known on record.connection = known.connection
    where record.provider = 'evovoice' and record.valid_to is null and known.time_zone is null
)

select
    connection,
    count(*) as records,
    max(time_text) as example,
from received
where staging.is_local_time(time_text)
group by connection
order by connection
