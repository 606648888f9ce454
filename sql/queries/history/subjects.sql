-- Every version of each project and file, with what it can be found by.
select
    'project' as kind,
    project_key as key,
    project_id as id,
    name,
    version,
from projects_history
union all
select
    'file' as kind,
    file_key as key,
    file_id as id,
    file_name as name,
    version,
from files_history
