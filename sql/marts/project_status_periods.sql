-- Every period during which a project had one status without a break: it ends where the status changed or the project
-- was gone. Times are the starts of runs, half-open, as in projects_history.
-- grain: project_key, started_at
-- incremental: project_key
with compared as (
    select
        project_key,
        connection,
        version,
        status,
        valid_from,
        valid_to,
        coalesce(lag(status) over life <> status or lag(valid_to) over life <> valid_from, true) as is_beginning,
    from projects_history
    window life as (partition by project_key order by version)
),

numbered as (
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
    from numbered
    group by project_key, connection, status, period
)

select
    periods.project_key, -- the project
    periods.status, -- its status all that time, by status_mapping
    periods.started_at, -- start of the first run that saw it so
    periods.ended_at, -- start of the run that found it otherwise or gone; null while it lasts
    periods.ended_at is null as is_current, -- whether the project is listed, with this status
    coalesce(periods.started_at = first.started_at, false)
        as is_first_listing, -- whether it began with the first listing of its connection: it may have lasted for longer
from periods
left join staging.first_listings as first on periods.connection = first.connection
