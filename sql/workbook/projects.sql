-- Every project that is listed now.
select
    project.name,
    project.status,
    project.status_since,
    project.client_name,
    coalesce(project.owner_name, project.owner_id) as owner_name,
    project.starts_at,
    project.finishes_at,
    project.last_activity_at,
    project.provider,
    project.connection,
    project.is_held_back,
    connections.is_fresh,
    project.project_key,
from projects as project
left join connections on project.connection = connections.connection
order by lower(project.name), project.project_key
