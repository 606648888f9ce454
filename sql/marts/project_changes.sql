-- What happened to projects: a row for each changed column of a project in a run, and one each time that a project
-- was created, was removed or returned.
-- grain: project_key, changed_at, change, column_name
-- incremental: project_key
with changed as (
    select
        after.project_key,
        after.provider,
        after.connection,
        after.name,
        after.valid_from as changed_at,
        unnest(after.changed_columns) as column_name,
        before as project_before,
        after as project_after,
    from projects_history as after
    inner join projects_history as before
        on after.project_key = before.project_key and after.version = before.version + 1
    where after.change = 'changed'
),

happenings as (
    select
        project_key,
        provider,
        connection,
        name,
        changed_at,
        'changed' as change,
        column_name,
        staging.project_cell(project_before, column_name) as old_value,
        staging.project_cell(project_after, column_name) as new_value,
    from changed
    union all by name
    select
        project_key,
        provider,
        connection,
        name,
        valid_from as changed_at,
        change,
    from projects_history
    where change <> 'changed'
    union all by name
    select
        project_key,
        provider,
        connection,
        name,
        valid_to as changed_at,
        'removed' as change,
    from projects_history
    where end_reason in ('removed', 'retired')
)

select
    happenings.project_key, -- the project
    happenings.provider, -- its service
    happenings.connection, -- the configured account
    happenings.name, -- its name after the change, or when it was last listed
    happenings.changed_at, -- start of the run that found it
    happenings.change, -- created, changed, removed or returned
    happenings.column_name, -- the published column that changed; null unless change is changed
    happenings.old_value, -- its value before, as text; times in UTC
    happenings.new_value, -- its value since, as text; times in UTC
    -- whether the column follows from others or from any change; a project changed where a row is not minor
    coalesce(staging.is_minor(happenings.column_name), false) as is_minor,
    coalesce(happenings.change = 'created' and happenings.changed_at = first.started_at, false)
        as is_first_listing, -- whether the first listing of its connection created it: it may be much older
from happenings
left join staging.first_listings as first on happenings.connection = first.connection
cross join staging.history_begins as history
where happenings.changed_at >= coalesce(history.started_at, timestamptz '-infinity')
