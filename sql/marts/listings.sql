-- Every listing of every run: its result, and what happened to the records that it received.
-- grain: started_at, connection, scope, entity
-- nullable: scope
-- example: select started_at, connection, scope, message from listings where outcome <> 'verified'
select
    started_at, -- start of its run
    connection, -- the configured account
    provider, -- its service
    scope, -- Rillsoft client; null elsewhere
    entity, -- what it listed: projects or files
    outcome, -- verified, unverified, held_back or failed
    error_kind, -- error that ended it: transient, access_refused, malformed_answer, module, provider or null
    window_start is null as is_full, -- whether it requested all records, without a window
    window_start, -- only records created since then were requested; null: all
    pages, -- pages received in the reading that counts
    requests, -- requests sent, in all readings
    retries, -- number of them that were retries
    records, -- records received; the sum of new, changed, unchanged, repeated and quarantined
    new, -- records that were not current: never received before, or removed
    changed, -- records whose content changed
    removed, -- known records that are missing, and were removed
    unchanged, -- records whose content is the same
    repeated, -- records that were received more than once, with the same content
    quarantined, -- records that could not be used
    held_back, -- known records that are missing, and are kept until an operator accepts their removal
    seconds, -- how long it took
    message, -- why it is not verified
from raw.listings
order by started_at, connection, scope nulls first, entity
