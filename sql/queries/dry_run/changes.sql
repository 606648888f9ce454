-- What a run would change, without minor changes and without what the first listing of a connection brings.
select
    project_key,
    name,
    change,
    column_name,
    old_value,
    new_value,
    count(*) over () as total,
from project_changes
where changed_at = $started_at and not is_minor and not is_first_listing
order by project_key, change, column_name
limit $shown
