-- projects holds exactly the current versions of projects_history.
with current_versions as (
    select
        project_key,
        version,
    from projects_history
    where is_current
)

select
    coalesce(project.project_key, history.project_key) as project_key,
    project.version as version_in_projects,
    history.version as version_in_history,
from projects as project
full join current_versions as history
    on project.project_key = history.project_key and project.version = history.version
where project.project_key is null or history.project_key is null
