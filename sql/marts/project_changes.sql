-- The changes of projects: a row for each column of a project that changed in a run, and a row each time that a project
-- was created, was removed or returned.
-- grain: project_key, changed_at, change, column_name
-- nullable: column_name
-- example: select name, column_name, old_value, new_value from project_changes where not is_minor
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

events as (
    select
        project_key,
        provider,
        connection,
        name,
        changed_at,
        'changed' as change,
        column_name,
        staging.projects_history_cell(project_before, column_name) as old_value,
        staging.projects_history_cell(project_after, column_name) as new_value,
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
    events.project_key, -- the project
    events.provider, -- its service
    events.connection, -- the configured account
    events.name, -- its name after the change, or in its last version
    events.changed_at, -- start of the run that found the change
    events.change, -- created, changed, removed or returned
    events.column_name, -- the published column that changed; null unless change is changed
    events.old_value, -- its previous value, as text; times in UTC
    events.new_value, -- its new value, as text; times in UTC
    -- whether the column is derived or changes with every change; a project has changed if one of its rows is not minor
    coalesce(staging.is_minor(events.column_name), false) as is_minor,
    coalesce(events.change = 'created' and events.changed_at = first.started_at, false)
        as is_first_listing, -- whether the first listing of its connection created it: the project may be much older
from events
left join staging.first_listings as first on events.connection = first.connection
cross join staging.history_begins as history
where events.changed_at >= coalesce(history.started_at, timestamptz '-infinity')
