-- The changes of projects from one timestamp up to but not including another, with each project's name after the
-- change.
create or replace macro projects_changed_between(since, until) as table
    select
        changed_at,
        project_key,
        provider,
        connection,
        name,
        change,
        column_name,
        old_value,
        new_value,
        is_minor,
        is_first_listing,
    from project_changes
    where changed_at >= cast(since as timestamptz) and changed_at < cast(until as timestamptz)
    order by changed_at, project_key, change, column_name;
