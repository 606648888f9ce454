-- The connection and id of a project that consists of files.
select distinct
    connection,
    project_id,
from projects_history
where
    $kind = 'project'
    and project_key = $key
    and project_key in (select project_key, from files_history)
