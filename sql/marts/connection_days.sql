-- What happened to a connection's projects on each day, in UTC, from its first run to the last run of all.
-- grain: day, connection
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
    select staging.utc_day(max(started_at)) as day,
    from raw.runs
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

happened as (
    select
        staging.utc_day(changed_at) as day,
        connection,
        count(distinct project_key) filter (where change = 'created' and not is_first_listing) as created,
        count(distinct project_key) filter (where is_first_listing) as first_listed,
        count(distinct project_key) filter (where change = 'changed' and not is_minor) as changed,
        count(distinct project_key) filter (where change = 'removed') as removed,
        count(distinct project_key) filter (where change = 'returned') as returned,
    from project_changes
    group by all
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
    coalesce(happened.created, 0) as created, -- projects created, without those that its first listing brought
    coalesce(happened.first_listed, 0) as first_listed, -- projects that its first listing brought
    coalesce(happened.changed, 0) as changed, -- projects with at least one change that is not minor
    coalesce(happened.removed, 0) as removed, -- projects removed
    coalesce(happened.returned, 0) as returned, -- projects listed again
    verified.day is not null as is_fresh, -- whether a run of that day verified all its listings
from days
left join listed on days.day = listed.day and days.connection = listed.connection
left join happened on days.day = happened.day and days.connection = happened.connection
left join verified on days.day = verified.day and days.connection = verified.connection
cross join staging.history_begins as history
where days.day >= coalesce(staging.utc_day(history.started_at), date '-infinity')
order by days.day, days.connection
