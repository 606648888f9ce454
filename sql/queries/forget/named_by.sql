-- The projects below a project: their files name it in their breadcrumb.
select distinct file.project_key,
from files_history as file
inner join projects_history as project on project.project_key = $key
where
    $kind = 'project'
    and file.connection = project.connection
    and file.project_key <> $key
    and contains(file.customer_breadcrumb::text, to_json(project.project_id)::text)
order by file.project_key
