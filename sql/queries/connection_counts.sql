-- The provider of a connection, and what is listed of it now.
select
    provider,
    (
        select count(*), from projects
        where projects.connection = connections.connection
    ) as projects,
    (
        select count(*), from files
        where files.connection = connections.connection
    ) as files,
from connections
where connection = $connection
