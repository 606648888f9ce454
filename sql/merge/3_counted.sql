-- The current versions that each verified listing should contain, and whether it does. No vendor documents whether the
-- start of a window is included: a record created exactly then is not expected.
create or replace temp table expected as
select
    listing.listing,
    known.rowid as known_row,
    known.rowid not in (
        select known_row, from classified
        where known_row is not null
    ) as is_absent,
from run_listings as listing
inner join raw.records as known
    on
        listing.connection = known.connection
        and listing.scope is not distinct from known.scope
        and listing.entity = known.entity
        and known.valid_to is null
        and (listing.since is null or known.created_at > listing.since)
where listing.unverified_reason is null;

-- The counts that the outcome of each listing depends on. If the records of a connection are merged in parts, the sums
-- over all parts replace these rows.
create or replace temp table counted as
with dispositions as (
    select
        listing,
        count(*) as landed,
        count(*) filter (where disposition = 'new') as new,
        count(*) filter (where disposition = 'changed') as changed,
        count(*) filter (where disposition = 'unchanged') as unchanged,
        count(*) filter (where disposition = 'repeated') as repeated,
        count(*) filter (where disposition = 'quarantined') as quarantined,
    from classified
    group by listing
),

presence as (
    select
        listing,
        count(*) as known,
        count(*) filter (where is_absent) as absent,
    from expected
    group by listing
)

select
    listing.listing,
    coalesce(presence.known, 0) as known,
    coalesce(presence.absent, 0) as absent,
    coalesce(dispositions.landed, 0) as landed,
    coalesce(dispositions.new, 0) as new,
    coalesce(dispositions.changed, 0) as changed,
    coalesce(dispositions.unchanged, 0) as unchanged,
    coalesce(dispositions.repeated, 0) as repeated,
    coalesce(dispositions.quarantined, 0) as quarantined,
from run_listings as listing
left join presence on listing.listing = presence.listing
left join dispositions on listing.listing = dispositions.listing;
