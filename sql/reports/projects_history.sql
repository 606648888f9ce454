-- Every version of every project.
select
    version.*,
    connections.is_fresh,
    connections.outcome as connection_outcome,
from projects_history as version
left join connections on version.connection = connections.connection
order by version.project_key, version.version
