-- What happened to projects from one instant up to, and without, another, with the name that each had after it.
create or replace macro projects_changed_between(since, until) as table
    select
        happening.changed_at,
        happening.project_key,
        version.provider,
        version.connection,
        version.name,
        happening.change,
        happening.column_name,
        happening.old_value,
        happening.new_value,
    from project_changes as happening
    inner join projects_history as version
        on
            happening.project_key = version.project_key
            and happening.changed_at = case
                when happening.change = 'removed' then version.valid_to else version.valid_from
            end
    where happening.changed_at >= cast(since as timestamptz) and happening.changed_at < cast(until as timestamptz)
    order by happening.changed_at, happening.project_key, happening.change, happening.column_name;
