-- Every period in which a project had one status without interruption. It ends when the status changed or the project
-- was removed. Periods are half-open, from run start to run start, as in projects_history.
-- grain: project_key, started_at
-- example: select status, count(*) as projects from project_status_periods where is_current group by status
-- incremental: project_key
with compared as (
    select
        project_key,
        connection,
        version,
        status,
        valid_from,
        valid_to,
        coalesce(
            lag(status) over by_version <> status or lag(valid_to) over by_version <> valid_from, true
        ) as is_beginning,
    from projects_history
    window by_version as (partition by project_key order by version)
),

with_period as (
    select
        *,
        count(*) filter (where is_beginning) over (partition by project_key order by version) as period,
    from compared
),

periods as (
    select
        project_key,
        connection,
        status,
        min(valid_from) as started_at,
        nullif(max(coalesce(valid_to, timestamptz 'infinity')), timestamptz 'infinity') as ended_at,
    from with_period
    group by project_key, connection, status, period
)

select
    periods.project_key, -- the project
    periods.status, -- its status in that period, by status_mapping
    periods.started_at, -- start of the first run with that status
    periods.ended_at, -- start of the run that found another status, or the project removed; null if it is current
    periods.ended_at is null as is_current, -- whether the project is listed, with this status
    coalesce(periods.started_at = first.started_at, false)
        as is_first_listing, -- whether it began with the first listing of its connection: it may have begun earlier
from periods
left join staging.first_listings as first on periods.connection = first.connection
