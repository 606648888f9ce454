-- The run that first listed anything of a connection.
-- grain: connection
select
    connection,
    min(valid_from) as started_at,
from raw.records
group by connection
