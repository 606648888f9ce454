-- The client with a key, a name or a spelling.
with spelled as (
    select
        client_key,
        unnest([client_key, name] || spellings) as spelling,
    from clients
)

select client_key,
from spelled
where staging.client_key(spelling) = staging.client_key($name)
order by client_key
limit 1
