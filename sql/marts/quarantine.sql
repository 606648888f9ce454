-- Every received record that could not be used.
-- grain: started_at, connection, scope, entity, position
-- nullable: scope
-- example: select connection, reason, count(*) as records from quarantine group by all
select
    started_at, -- start of its run
    connection, -- the configured account
    provider, -- its service
    scope, -- Rillsoft client; null elsewhere
    entity, -- what was listed: projects or files
    position, -- its position among the records of the listing, from 1
    record_id, -- its id; null if it cannot be read
    reason, -- why it could not be used
    payload, -- the record as received; may not be valid JSON
from raw.quarantine
order by started_at, connection, scope nulls first, entity, position
