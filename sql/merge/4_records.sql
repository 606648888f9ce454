-- A changed version ends where the next begins.
update raw.records as known
set valid_to = getvariable('started_at'), end_reason = 'changed'
from arrivals
where known.rowid = arrivals.known_row and arrivals.fate = 'changed';

-- What a verified listing lacks is gone.
update raw.records as known
set valid_to = getvariable('started_at'), end_reason = 'removed'
from expected
inner join verdicts on expected.listing = verdicts.listing
where known.rowid = expected.known_row and expected.is_absent and verdicts.outcome = 'verified';

-- Only volatile fields or the spelling differ: the current version's text is refreshed in place.
update raw.records as known
set
    payload = arrivals.payload,
    content_hash = arrivals.content_hash,
    canonical_hash = arrivals.canonical_hash,
    refreshed_at = getvariable('started_at')
from arrivals
where known.rowid = arrivals.known_row and arrivals.fate = 'unchanged' and not arrivals.has_known_text;

update raw.records as known
set last_seen_at = getvariable('started_at')
from arrivals
where known.rowid = arrivals.known_row and arrivals.fate in ('unchanged', 'quarantined');

insert into raw.records
select
    received.provider,
    received.connection,
    received.scope,
    received.entity,
    received.record_id,
    received.payload,
    received.content_hash,
    arrivals.canonical_hash,
    received.created_at,
    getvariable('started_at') as valid_from,
    null as valid_to,
    null as end_reason,
    getvariable('started_at') as last_seen_at,
    null as refreshed_at,
from received
inner join arrivals on received.listing = arrivals.listing and received.position = arrivals.position
where arrivals.fate in ('new', 'changed');
