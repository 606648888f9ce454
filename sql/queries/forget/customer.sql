-- The connection and id of the customer, if a project is derived from files.
select distinct
    connection,
    project_id,
from projects_history
where
    $kind = 'project'
    and project_key = $key
    and project_key in (select project_key, from files_history)
