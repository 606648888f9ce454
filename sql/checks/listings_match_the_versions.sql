-- What the last night's listings say they began and ended is what the versions show.
with night as (
    select max(started_at) as started_at, from raw.nights
),

counted as (
    select
        sum(listing.new + listing.changed) as begun,
        sum(listing.changed + listing.removed) as ended,
        sum(listing.quarantined) as quarantined,
    from raw.listings as listing
    inner join night on listing.started_at = night.started_at
),

found as (
    select
        count(*) filter (where record.valid_from = night.started_at) as begun,
        count(*) filter (where record.valid_to = night.started_at) as ended,
    from night
    left join raw.records as record
        on night.started_at = record.valid_from or night.started_at = record.valid_to
),

kept as (
    select count(*) as quarantined,
    from raw.quarantine as record
    inner join night on record.started_at = night.started_at
)

select
    counted.*,
    found.*,
    kept.*,
from counted
cross join found
cross join kept
where counted.begun <> found.begun or counted.ended <> found.ended or counted.quarantined <> kept.quarantined
