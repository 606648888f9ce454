-- What the runs of the demo changed after a time.
select
    project_key,
    name,
    change,
    column_name,
    old_value,
    new_value,
    changed_at,
from projects_changed_between($since, 'infinity')
where not is_minor
