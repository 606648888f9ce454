-- The project of each file is in projects.
select
    file.file_key,
    file.project_key,
from files as file
left join projects as project on file.project_key = project.project_key
where file.project_key is not null and project.project_key is null
order by file.file_key
