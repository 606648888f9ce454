-- When each connection was last listed.
select
    connection,
    max(started_at) as last_listed_at,
from {{ listings }}
where outcome <> 'failed'
group by connection
