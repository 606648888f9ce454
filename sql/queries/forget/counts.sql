-- How many records, versions and quarantined records of a subject there are. A project's files are among them.
with versions as (
    select
        connection,
        scope,
        record_id,
    from raw.records
    where entity = $kind || 's' and concat_ws(':', connection, scope, record_id) = $key
    union all
    select
        connection,
        null as scope,
        file_id,
    from staging.files
    where $kind = 'project' and project_key = $key
)

select
    (select count(distinct versions), from versions) as records,
    (select count(*), from versions) as versions,
    (
        select count(*), from raw.quarantine
        where entity = $kind || 's' and concat_ws(':', connection, scope, record_id) = $key
    ) as quarantined,
