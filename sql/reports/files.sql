-- Every file that is listed now, without last_seen_at, and without uri, which may be a link that grants access.
select
    file.* exclude (uri, last_seen_at),
    connections.is_fresh,
    connections.outcome as connection_outcome,
from files as file
left join connections on file.connection = connections.connection
order by file.file_key
