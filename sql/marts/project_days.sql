-- The number of projects per status that a connection listed at the end of each UTC day, without forgotten ones. Days
-- without a run repeat the day before, up to the day of the last run.
-- grain: day, connection, status
-- example: select day, status, sum(projects) as projects from project_days group by all order by all
with versions as (
    select
        connection,
        provider,
        status,
        valid_from,
        valid_to,
    from projects_history
    where project_id not in (select pseudonym, from raw.forgotten)
),

-- The change of the number of projects with a status on a day.
steps as (
    select
        connection,
        provider,
        status,
        staging.utc_day(valid_from) as day,
        count(*) as step,
    from versions
    group by all
    union all
    select
        connection,
        provider,
        status,
        staging.utc_day(valid_to) as day,
        -count(*) as step,
    from versions
    where valid_to is not null
    group by all
),

states as (
    select
        connection,
        provider,
        status,
        day,
        sum(sum(step)) over by_day as projects,
        lead(day) over by_day as next_day,
    from steps
    group by connection, provider, status, day
    window by_day as (partition by connection, provider, status order by day)
),

last_run as (
    select staging.utc_day(started_at) as day,
    from staging.last_run
),

days as (
    select
        cast(unnest(range(states.day, coalesce(states.next_day, last_run.day + 1), interval 1 day)) as date) as day,
        states.connection,
        states.provider,
        states.status,
        states.projects,
    from states
    cross join last_run
    where states.projects > 0
)

select
    day, -- the day, in UTC
    connection, -- the configured account
    provider, -- its service
    status, -- the status, by status_mapping
    cast(projects as bigint) as projects, -- number of its projects with that status at the end of the day
from days
cross join staging.history_begins as history
where day >= coalesce(staging.utc_day(history.started_at), date '-infinity')
order by day, connection, status
