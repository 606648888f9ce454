-- The projects as they were listed at an instant: their columns, and the version that held then.
create or replace macro projects_as_of(moment) as table
    select * exclude (is_current, change, end_reason, changed_columns),
    from projects_history
    where
        valid_from <= cast(moment as timestamptz)
        and (valid_to is null or valid_to > cast(moment as timestamptz))
    order by project_key;

-- What happened to projects from one instant up to, and without, another.
create or replace macro projects_changed_between(since, until) as table
    select
        changes.*,
        latest.name,
    from project_changes as changes
    inner join (
        select
            project_key,
            arg_max(name, version) as name,
        from projects_history
        group by project_key
    ) as latest on changes.project_key = latest.project_key
    where changes.changed_at >= cast(since as timestamptz) and changes.changed_at < cast(until as timestamptz)
    order by changes.changed_at, changes.project_key, changes.change, changes.column_name;
