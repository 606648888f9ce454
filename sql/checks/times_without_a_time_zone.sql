-- times without an offset are read as UTC: set time_zone for the connection
-- severity: warning
with received as (
    -- The records of the last run, of connections that could have a time zone and have none.
    select
        record.connection,
        list_filter(
            list_transform(
                raw.members_with_local_time(record.provider, record.entity),
                lambda member: staging.unset_to_null(record.payload ->> ('$.' || member))
            ),
            lambda sent: sent is not null
        )[1] as time_text,
    from raw.records as record
    inner join staging.last_run as run on record.last_seen_at = run.started_at
    left join raw.connections as known on record.connection = known.connection
    where
        len(raw.members_with_local_time(record.provider, record.entity)) > 0
        and record.valid_to is null
        and known.time_zone is null
)

select
    connection,
    count(*) as records,
    min(time_text) as example,
from received
where staging.is_local_time(time_text)
group by connection
order by connection
