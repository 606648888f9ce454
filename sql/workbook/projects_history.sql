-- Every version of every project.
select
    version.name,
    version.version,
    version.valid_from,
    version.valid_to,
    version.change,
    version.end_reason,
    version.status,
    version.client_name,
    version.starts_at,
    version.finishes_at,
    version.provider,
    version.connection,
    connections.is_fresh,
    version.project_key,
from projects_history as version
left join connections on version.connection = connections.connection
order by version.project_key, version.version
