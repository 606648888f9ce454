-- Every project has a key, connection, provider, id, kind and status.
select
    project_key,
    version,
    connection,
    provider,
    project_id,
    kind,
    status,
from projects_history
where
    project_key is null
    or connection is null
    or provider is null
    or project_id is null
    or kind is null
    or status is null
order by all
