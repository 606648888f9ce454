-- Every listing of every night: how it went, and what became of each record that it received.
-- grain: started_at, connection, scope, entity
select
    started_at, -- start of its run
    connection, -- the configured account
    provider, -- its service
    scope, -- Rillsoft client; null elsewhere
    entity, -- what was listed: projects or files
    outcome, -- verified, unverified, held_back or failed
    error_kind, -- what ended it: transient, access_refused, malformed_answer, module or provider; null if nothing did
    window_start is null as is_full, -- whether it asked for everything, not only for what a window holds
    window_start, -- only records created from here on were asked for; null: all
    pages, -- pages received in the reading that counts
    requests, -- requests sent, over all readings
    retries, -- how many of them were sent again
    records, -- records received; the sum of new, changed, unchanged, repeated and quarantined
    new, -- records not known before, or known to have gone
    changed, -- records with other content than known
    removed, -- known records that it proved to be gone
    unchanged, -- records as known
    repeated, -- records that came more than once, alike
    quarantined, -- records that could not be taken
    held_back, -- known records that it lacks and that were kept until an operator accepts their removal
    seconds, -- how long it took
    message, -- why it is not verified
from raw.listings
order by started_at, connection, scope nulls first, entity
