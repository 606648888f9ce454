-- How the last attempt of each connection went.
-- grain: connection
with last_listings as (
    select *,
    from listings
    qualify started_at = max(started_at) over (partition by connection)
),

attempts as (
    select
        connection,
        sum(requests) as requests,
        sum(retries) as retries,
        sum(held_back) as held_back,
        sum(quarantined) as quarantined,
        sum(seconds) as seconds,
    from last_listings
    group by connection
),

listed as (
    select
        connection,
        count(*) as projects,
    from report_projects
    where is_current
    group by connection
)

select
    connections.connection,
    connections.provider,
    coalesce(connections.is_configured, true) as is_configured,
    coalesce(listed.projects, 0) as projects,
    epoch_ms(connections.last_verified_at) as last_verified_at,
    epoch_ms(connections.last_full_at) as last_full_at,
    epoch_ms(connections.last_attempt_at) as last_attempt_at,
    connections.outcome,
    connections.message,
    cast(coalesce(attempts.held_back, 0) as bigint) as held_back,
    cast(coalesce(attempts.quarantined, 0) as bigint) as quarantined,
    cast(coalesce(attempts.requests, 0) as bigint) as requests,
    cast(coalesce(attempts.retries, 0) as bigint) as retries,
from connections
left join attempts on connections.connection = attempts.connection
left join listed on connections.connection = listed.connection
order by connections.connection
