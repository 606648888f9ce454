-- The growth of the number of projects of each provider and status, from the first day shown (variable days) to the end
-- of each day, in UTC. A connection starts with the projects that it listed on its first day.
-- grain: day, provider, status
with known as (
    select
        connection,
        provider,
        day,
        min(day) over (partition by connection) as first_day,
    from connection_days
    where day > (select max(day), from connection_days) - cast(getvariable('days') as integer)
),

openness as (
    select
        status,
        any_value(is_open) as is_open,
    from projects_history
    group by status
),

counts as (
    select
        day,
        provider,
        status,
        projects,
    from project_days
    where day > (select max(day), from connection_days) - cast(getvariable('days') as integer)
    union all
    select
        known.day,
        known.provider,
        at_first.status,
        -at_first.projects as projects,
    from known
    inner join project_days as at_first
        on known.connection = at_first.connection and known.first_day = at_first.day
)

select
    epoch_ms(cast(counts.day as timestamptz)) as day,
    counts.provider,
    counts.status,
    coalesce(openness.is_open, false) as is_open,
    cast(sum(counts.projects) as bigint) as growth,
from counts
left join openness on counts.status = openness.status
group by all
order by day, counts.provider, counts.status
