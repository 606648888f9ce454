-- What was received, or refused, of each record. An EvoVoice project has none of its own, but files.
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
