-- Erases the records named in `erased` from the facts. Their versions stay, under pseudonyms, without a word of theirs.
insert into raw.forgotten
select distinct
    raw.pseudonym(connection, scope, entity, record_id) as pseudonym,
    get_current_timestamp() as forgotten_at,
from erased
on conflict do nothing;

update raw.records as record
set
    record_id = raw.pseudonym(record.connection, record.scope, record.entity, record.record_id),
    payload = '{}',
    content_hash = 'forgotten'
from erased
where
    record.connection = erased.connection
    and record.scope is not distinct from erased.scope
    and record.entity = erased.entity
    and record.record_id = erased.record_id;

update raw.quarantine as refused
set
    record_id = raw.pseudonym(refused.connection, refused.scope, refused.entity, refused.record_id),
    payload = '{}',
    reason = 'forgotten'
from erased
where
    refused.connection = erased.connection
    and refused.scope is not distinct from erased.scope
    and refused.entity = erased.entity
    and refused.record_id = erased.record_id;
