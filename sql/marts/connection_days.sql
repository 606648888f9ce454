-- The changes of a connection's projects on each UTC day, from its first run to the last run of all connections.
-- grain: day, connection
-- example: select day, sum(created) as created, sum(removed) as removed from connection_days group by day
with known as (
    select
        connection,
        arg_max(provider, started_at) as provider,
        staging.utc_day(min(started_at)) as first_day,
    from (
        select
            connection,
            provider,
            valid_from as started_at,
        from projects_history
        union all
        select
            connection,
            provider,
            started_at,
        from raw.listings
    )
    group by connection
),

last_run as (
    select staging.utc_day(started_at) as day,
    from staging.last_run
),

days as (
    select
        known.connection,
        known.provider,
        cast(unnest(range(known.first_day, last_run.day + 1, interval 1 day)) as date) as day,
    from known
    cross join last_run
),

listed as (
    select
        day,
        connection,
        sum(projects) as projects,
    from project_days
    group by day, connection
),

-- A project counts once a day, however often it changed.
changed_projects as (
    select
        staging.utc_day(changed_at) as day,
        connection,
        project_key,
        change,
        is_first_listing,
        bool_and(is_minor) as is_minor,
    from project_changes
    group by all
),

changes as (
    select
        day,
        connection,
        count(*) filter (where change = 'created' and not is_first_listing) as created,
        count(*) filter (where is_first_listing) as first_listed,
        count(*) filter (where change = 'changed' and not is_minor) as changed,
        count(*) filter (where change = 'removed') as removed,
        count(*) filter (where change = 'returned') as returned,
    from changed_projects
    group by day, connection
),

verified as (
    select distinct
        staging.utc_day(started_at) as day,
        connection,
    from staging.attempts
    where outcome = 'verified'
)

select
    days.day, -- the day, in UTC
    days.connection, -- the configured account
    days.provider, -- its service
    cast(coalesce(listed.projects, 0) as bigint) as projects, -- projects listed at the end of the day
    coalesce(changes.created, 0) as created, -- projects created, without those of its first listing
    coalesce(changes.first_listed, 0) as first_listed, -- projects of its first listing
    coalesce(changes.changed, 0) as changed, -- projects with at least one change that is not minor
    coalesce(changes.removed, 0) as removed, -- projects removed
    coalesce(changes.returned, 0) as returned, -- projects that returned
    verified.day is not null as is_fresh, -- whether a run on that day verified all its listings
from days
left join listed on days.day = listed.day and days.connection = listed.connection
left join changes on days.day = changes.day and days.connection = changes.connection
left join verified on days.day = verified.day and days.connection = verified.connection
cross join staging.history_begins as history
where days.day >= coalesce(staging.utc_day(history.started_at), date '-infinity')
order by days.day, days.connection
