-- The outcome of each listing. The removal limit holds back removals that look like a mistake, until an operator
-- accepts exactly that number.
create or replace temp table outcomes as
with limited as (
    select
        listing.*,
        counted.* exclude (listing),
        counted.absent > greatest(5, listing.removal_limit * counted.known)
        or (listing.records = 0 and counted.known > 0) as is_suspicious,
    from run_listings as listing
    inner join counted on listing.listing = counted.listing
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
