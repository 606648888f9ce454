-- The rows of `rollcall status`, for people: the connection with its provider, times to the minute, and how long ago.
select
    connections.connection
    || if(connections.provider = connections.connection, '', ' (' || connections.provider || ')') as connection,
    connections.records,
    connections.outcome,
    {{ last_verified_at }} as "last verified",
    coalesce(ages.age, 'never') as age,
    {{ last_attempt_at }} as "last attempt",
from ({{ rows }}) as connections
left join ({{ ages }}) as ages on connections.connection = ages.connection
order by connections.connection
