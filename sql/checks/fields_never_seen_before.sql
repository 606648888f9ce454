-- fields that no record of the previous run had are kept as received, and in no column
-- severity: warning
-- scope: run
with known as not materialized (
    -- The versions that were current in the previous run.
    select record.*,
    from raw.records as record
    inner join staging.last_run as run
        on
            record.valid_from < run.started_at
            and (record.valid_to is null or record.valid_to = run.started_at)
),

-- Only versions that this run began can have new fields.
arrived as (
    select
        record.connection,
        record.entity,
        unnest(json_keys(record.payload)) as field,
    from raw.records as record
    inner join staging.last_run as run on record.valid_from = run.started_at
),

-- A few records have nearly every field. The others are read only for the fields that these lack.
first_known as (
    select
        connection,
        entity,
        unnest(json_keys(payload)) as field,
    from (
        select *,
        from known
        limit 1000 -- noqa: AM09, any of them
    )
),

candidates as (
    select
        connection,
        entity,
        field,
        count(*) as records,
    from arrived
    where (connection, entity, field) not in (select (connection, entity, field), from first_known)
    group by all
),

fields as (
    select distinct
        connection,
        entity,
        unnest(json_keys(payload)) as field,
    from known
    where (connection, entity) in (select (connection, entity), from candidates)
)

select
    connection,
    field,
    records,
from candidates
where
    (connection, entity, field) not in (select (connection, entity, field), from fields)
    -- Every field is new in the first run of a connection.
    and (connection, entity) in (select (connection, entity), from fields)
order by connection, field
