-- Every record that was received or quarantined. A project that is derived from files has no record of its own.
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
