-- A changed version ends when the next one begins.
update raw.records as known
set valid_to = getvariable('started_at'), end_reason = 'changed'
from classified
where known.rowid = classified.known_row and classified.disposition = 'changed';

-- A record that is missing from a verified listing is removed.
update raw.records as known
set valid_to = getvariable('started_at'), end_reason = 'removed'
from expected
inner join outcomes on expected.listing = outcomes.listing
where known.rowid = expected.known_row and expected.is_absent and outcomes.outcome = 'verified';

-- The same content in another text. The hash of the text lets the next run see that nothing changed.
update raw.records as known
set
    payload = if(classified.refreshes, classified.payload, known.payload),
    content_hash = classified.content_hash,
    canonical_hash = classified.canonical_hash,
    refreshed_at = if(classified.refreshes, getvariable('started_at'), known.refreshed_at)
from classified
where
    known.rowid = classified.known_row
    and classified.disposition = 'unchanged'
    and not classified.has_known_text;

update raw.records as known
set last_seen_at = getvariable('started_at')
from classified
where known.rowid = classified.known_row and classified.disposition in ('unchanged', 'quarantined');

insert into raw.records
select
    received.provider,
    received.connection,
    received.scope,
    received.entity,
    received.record_id,
    received.payload,
    received.content_hash,
    classified.canonical_hash,
    received.created_at,
    getvariable('started_at') as valid_from,
    null as valid_to,
    null as end_reason,
    getvariable('started_at') as last_seen_at,
    null as refreshed_at,
from received
inner join classified on received.listing = classified.listing and received.position = classified.position
where classified.disposition in ('new', 'changed');

insert into raw.quarantine
select
    getvariable('started_at') as started_at,
    connection,
    provider,
    scope,
    entity,
    position + 1 as position,
    record_id,
    reason,
    payload,
from classified
where disposition = 'quarantined'
order by listing, position;
