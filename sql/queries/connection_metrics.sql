-- The connections in use, with what the last attempt of each found. Times are seconds since 1970.
with attempts as (
    select
        listings.connection,
        sum(listings.new) as new,
        sum(listings.changed) as changed,
        sum(listings.removed) as removed,
        sum(listings.quarantined) as quarantined,
        sum(listings.held_back) as held_back,
        sum(listings.seconds) as seconds,
    from listings
    inner join connections
        on listings.connection = connections.connection and listings.started_at = connections.last_attempt_at
    group by listings.connection
)

select
    connections.connection,
    connections.provider,
    connections.outcome,
    connections.records,
    epoch(connections.last_attempt_at) as last_attempt,
    epoch(connections.last_verified_at) as last_verified,
    epoch(connections.last_full_at) as last_full,
    attempts.new,
    attempts.changed,
    attempts.removed,
    attempts.quarantined,
    attempts.held_back,
    attempts.seconds,
from connections
left join attempts on connections.connection = attempts.connection
where connections.is_configured and connections.retired_at is null
order by connections.connection
