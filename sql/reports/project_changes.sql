-- The changes of projects, newest first.
select
    project_key,
    provider,
    connection,
    name,
    changed_at,
    change,
    column_name,
    old_value,
    new_value,
    is_minor,
    is_first_listing,
from project_changes
order by changed_at desc, project_key asc, change asc, column_name asc
