-- What `projects` has beyond the current version: one row per project that is listed now, without forgotten ones. The
-- columns that change with every run are in this narrow table, so that a run does not write the wide rows again.
-- kind: table
-- grain: project_key
-- incremental: project_key
-- refreshed: last_seen_at, is_held_back
with firsts as (
    select
        project_key,
        valid_from as first_seen_at,
    from projects_history
    where version = 1
),

-- The last listing of each scope that could remove records.
decisive as (
    select
        connection,
        scope,
        entity,
        outcome,
        window_start,
        started_at,
    from raw.listings
    where outcome in ('verified', 'held_back')
    qualify row_number() over (partition by connection, scope, entity order by started_at desc) = 1
),

held_back as (
    select *,
    from decisive
    where outcome = 'held_back'
),

-- A project that is derived from files was last seen when one of its files was.
last_seen as (
    select
        record.record_key as project_key,
        record.last_seen_at,
        null as last_activity_at,
        coalesce(record.last_seen_at < held_back.started_at, false) as is_held_back,
    from staging.records as record
    left join held_back
        on
            record.connection = held_back.connection
            and record.scope is not distinct from held_back.scope
            and record.entity = held_back.entity
    where record.entity = 'projects' and record.valid_to is null
    union all
    select
        file.project_key,
        max(file.last_seen_at) as last_seen_at,
        max(file.created_at) as last_activity_at,
        bool_and(
            coalesce(
                file.last_seen_at < held_back.started_at
                and (held_back.window_start is null or file.created_at > held_back.window_start),
                false
            )
        ) as is_held_back,
    from files as file
    left join held_back on file.connection = held_back.connection and held_back.entity = 'files'
    where file.project_key is not null
    group by file.project_key
)

select
    history.project_key,
    history.connection,
    firsts.first_seen_at,
    last_seen.last_seen_at,
    last_seen.last_activity_at,
    last_seen.is_held_back,
    periods.started_at as status_since,
from projects_history as history
inner join firsts on history.project_key = firsts.project_key
inner join last_seen on history.project_key = last_seen.project_key
inner join project_status_periods as periods on history.project_key = periods.project_key and periods.is_current
anti join raw.forgotten as erased on history.project_id = erased.pseudonym
where history.is_current
