-- Every record that was received and not taken.
-- grain: started_at, connection, scope, entity, position
select
    started_at, -- start of its run
    connection, -- the configured account
    provider, -- its service
    scope, -- Rillsoft client; null elsewhere
    entity, -- what was listed: projects or files
    position, -- its place among the records of the listing, counted from 1
    record_id, -- its id, where that could be read
    reason, -- why it was not taken
    payload, -- the record as received; need not be valid JSON
from raw.quarantine
order by started_at, connection, scope nulls first, entity, position
