-- Every project that is listed now, without last_seen_at, which changes with every run.
select
    project.* exclude (last_seen_at),
    connections.is_fresh,
    connections.outcome as connection_outcome,
from projects as project
left join connections on project.connection = connections.connection
order by project.project_key
