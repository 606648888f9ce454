-- Every record received is new, changed, unchanged, repeated or quarantined.
select
    started_at,
    connection,
    scope,
    entity,
    records,
    new + changed + unchanged + repeated + quarantined as accounted_for,
from raw.listings
where records <> new + changed + unchanged + repeated + quarantined
order by all
