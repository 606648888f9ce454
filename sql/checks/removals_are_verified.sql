-- A version ends as removed only in a run with a verified listing of its connection and scope.
select
    record.connection,
    record.scope,
    record.entity,
    record.record_id,
    record.valid_to,
from raw.records as record
left join raw.listings as listing
    on
        record.connection = listing.connection
        and record.scope is not distinct from listing.scope
        and record.entity = listing.entity
        and record.valid_to = listing.started_at
        and listing.outcome = 'verified'
where record.end_reason = 'removed' and listing.started_at is null
order by all
