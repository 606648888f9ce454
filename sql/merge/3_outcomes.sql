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

-- The outcome of each listing. The removal limit holds back removals that look like a mistake, until an operator
-- accepts exactly that number.
create or replace temp table outcomes as
with counted as (
    select
        listing.*,
        count(expected.known_row) as known,
        count(expected.known_row) filter (where expected.is_absent) as absent,
    from run_listings as listing
    left join expected on listing.listing = expected.listing
    group by all
),

limited as (
    select
        *,
        absent > greatest(5, removal_limit * known) or (records = 0 and known > 0) as is_suspicious,
    from counted
),

summed as (
    select
        *,
        sum(absent) filter (where is_suspicious) over (partition by connection) as suspicious,
    from limited
)

select
    * exclude (is_suspicious),
    case
        when reading is null then 'failed'
        when unverified_reason is not null then 'unverified'
        when is_suspicious and (accepted is null or accepted <> suspicious) then 'held_back'
        else 'verified'
    end as outcome,
from summed;
