-- The client that a spelling means, from the file client_mapping.csv in the home directory.
-- grain: connection, client
-- example: select name, list(client) as spellings from client_mapping group by name
select
    connection, -- the configured account
    client, -- its spelling of the client; case, white space and Unicode composition are ignored
    name, -- the client's name
from seeds.client_mapping
qualify row_number() over (partition by connection, staging.client_key(client) order by precedence desc) = 1
order by connection, client
