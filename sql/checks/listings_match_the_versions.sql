-- The counts of each listing of the last run match the versions and the quarantine.
-- scope: run
with run as (
    select max(started_at) as started_at, from raw.listings
),

counted as (
    select
        listing.connection,
        listing.scope,
        listing.entity,
        listing.new + listing.changed as begun,
        listing.changed,
        listing.removed,
        listing.quarantined,
    from raw.listings as listing
    inner join run on listing.started_at = run.started_at
),

found_rows as (
    select
        record.connection,
        record.scope,
        record.entity,
        count(*) filter (where record.valid_from = run.started_at) as begun,
        count(*) filter (where record.valid_to = run.started_at and record.end_reason = 'changed') as changed,
        count(*) filter (where record.valid_to = run.started_at and record.end_reason = 'removed') as removed,
        0 as quarantined,
    from raw.records as record
    inner join run on run.started_at in (record.valid_from, record.valid_to)
    group by all
    union all
    select
        quarantined.connection,
        quarantined.scope,
        quarantined.entity,
        0 as begun,
        0 as changed,
        0 as removed,
        count(*) as quarantined,
    from raw.quarantine as quarantined
    inner join run on quarantined.started_at = run.started_at
    group by all
),

found as (
    select
        connection,
        scope,
        entity,
        sum(begun) as begun,
        sum(changed) as changed,
        sum(removed) as removed,
        sum(quarantined) as quarantined,
    from found_rows
    group by all
)

select
    coalesce(counted.connection, found.connection) as connection,
    coalesce(counted.scope, found.scope) as scope,
    coalesce(counted.entity, found.entity) as entity,
    counted.begun as begun_by_listing,
    coalesce(found.begun, 0) as begun,
    counted.changed as changed_by_listing,
    coalesce(found.changed, 0) as changed,
    counted.removed as removed_by_listing,
    coalesce(found.removed, 0) as removed,
    counted.quarantined as quarantined_by_listing,
    coalesce(found.quarantined, 0) as quarantined,
from counted
full join found
    on
        counted.connection = found.connection
        and counted.scope is not distinct from found.scope
        and counted.entity = found.entity
where
    counted.begun is distinct from coalesce(found.begun, 0)
    or counted.changed is distinct from coalesce(found.changed, 0)
    or counted.removed is distinct from coalesce(found.removed, 0)
    or counted.quarantined is distinct from coalesce(found.quarantined, 0)
order by all
