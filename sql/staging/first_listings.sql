-- The first run that listed a record of each connection.
-- grain: connection
select
    connection,
    min(started_at) as started_at,
from (
    select
        connection,
        valid_from as started_at,
    from raw.records
    union all
    -- `rollcall prune` drops versions, but not listings.
    select
        connection,
        started_at,
    from raw.listings
    where new > 0
)
group by connection
