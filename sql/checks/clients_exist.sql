-- clients contains exactly the clients of all versions of projects.
with named as (
    select distinct client_key,
    from projects_history
    where client_key is not null
)

select
    coalesce(named.client_key, clients.client_key) as client_key,
    clients.name,
from named
full join clients on named.client_key = clients.client_key
where named.client_key is null or clients.client_key is null
order by all
