-- A changed version ends where the next begins.
update raw.records as known
set valid_to = getvariable('started_at'), end_reason = 'changed'
from arrivals
where
    arrivals.fate = 'changed'
    and known.connection = arrivals.connection
    and known.scope is not distinct from arrivals.scope
    and known.entity = arrivals.entity
    and known.record_id = arrivals.record_id
    and known.valid_to is null;

-- What a proven listing lacks is gone.
update raw.records as known
set valid_to = getvariable('started_at'), end_reason = 'removed'
from expected
inner join verdicts on expected.listing = verdicts.listing
where
    expected.is_absent
    and verdicts.outcome = 'proven'
    and known.connection = verdicts.connection
    and known.scope is not distinct from verdicts.scope
    and known.entity = verdicts.entity
    and known.record_id = expected.record_id
    and known.valid_to is null;

-- Only volatile fields or the spelling differ: the current version's text is refreshed in place.
update raw.records as known
set payload = arrivals.payload, refreshed_at = getvariable('started_at')
from arrivals
where
    arrivals.fate = 'unchanged'
    and known.connection = arrivals.connection
    and known.scope is not distinct from arrivals.scope
    and known.entity = arrivals.entity
    and known.record_id = arrivals.record_id
    and known.valid_to is null
    and known.payload <> arrivals.payload;

update raw.records as known
set last_seen_at = getvariable('started_at')
from arrivals
where
    arrivals.fate in ('unchanged', 'quarantined')
    and known.connection = arrivals.connection
    and known.scope is not distinct from arrivals.scope
    and known.entity = arrivals.entity
    and known.record_id = arrivals.record_id
    and known.valid_to is null;

insert into raw.records
select
    provider,
    connection,
    scope,
    entity,
    record_id,
    payload,
    content_hash,
    created_at,
    getvariable('started_at') as valid_from,
    null as valid_to,
    null as end_reason,
    getvariable('started_at') as last_seen_at,
    null as refreshed_at,
from arrivals
where fate in ('new', 'changed')
order by listing, position;
