-- What happened to projects, the latest first.
select
    project_key,
    changed_at,
    change,
    column_name,
    old_value,
    new_value,
from project_changes
order by changed_at desc, project_key asc, change asc, column_name asc
