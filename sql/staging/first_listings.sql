-- The first run that listed a record of each connection.
-- grain: connection
select
    connection,
    min(valid_from) as started_at,
from raw.records
group by connection
