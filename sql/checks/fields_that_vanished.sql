-- fields that no record has any more, though records of the previous run had them
-- severity: warning
-- scope: run
with replaced as (
    -- Only versions that this run replaced can have had fields that no version has now.
    select distinct
        record.connection,
        record.entity,
        unnest(json_keys(record.payload)) as field,
    from raw.records as record
    inner join staging.last_run as run on record.valid_to = run.started_at
    where record.end_reason = 'changed'
),

-- A few records have nearly every field. The others are read only for the fields that these lack.
first_current as (
    select
        connection,
        entity,
        unnest(json_keys(payload)) as field,
    from (
        select *,
        from raw.records
        where valid_to is null
        limit 1000 -- noqa: AM09, any of them
    )
),

candidates as (
    select *,
    from replaced
    where (connection, entity, field) not in (select (connection, entity, field), from first_current)
),

fields as (
    select distinct
        connection,
        entity,
        unnest(json_keys(payload)) as field,
    from raw.records
    where valid_to is null and (connection, entity) in (select (connection, entity), from candidates)
)

select
    connection,
    field,
from candidates
where (connection, entity, field) not in (select (connection, entity, field), from fields)
order by connection, field
