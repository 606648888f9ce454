-- What was received, or refused, of each record. A project with files has none of its own.
select
    connection,
    scope,
    entity,
    record_id,
from raw.records
union
select
    connection,
    scope,
    entity,
    record_id,
from raw.quarantine
where record_id is not null
