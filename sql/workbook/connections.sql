-- How fresh each connection is.
select
    connections.connection,
    connections.provider,
    connections.is_fresh,
    connections.outcome as connection_outcome,
    connections.last_verified_at,
    connections.last_attempt_at,
    connections.last_full_at,
    count(projects.project_key) as projects,
    count(*) filter (where projects.is_held_back) as held_back,
    connections.message,
from connections
left join projects on connections.connection = projects.connection
group by all
order by connections.connection
