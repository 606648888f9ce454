-- Every record that was received and not taken.
-- grain: started_at, connection, scope, entity, record_id, payload
select
    started_at, -- start of its night
    connection, -- the configured account
    provider, -- its service
    scope, -- Rillsoft client; null elsewhere
    entity, -- what was listed: projects or files
    record_id, -- its id, where that could be read
    reason, -- why it was not taken
    payload, -- the record as received; need not be valid JSON
from raw.quarantine
order by started_at, connection, scope nulls first, record_id nulls first, payload
