-- What is known of the records that each verified listing asked for, and whether they came. No vendor says whether
-- the start of a window belongs to it: a record created at just that instant is not expected.
create or replace temp table expected as
select
    asked.listing,
    known.rowid as known_row,
    known.rowid not in (
        select known_row, from arrivals
        where known_row is not null
    ) as is_absent,
from asked
inner join raw.records as known
    on
        asked.connection = known.connection
        and asked.scope is not distinct from known.scope
        and asked.entity = known.entity
        and known.valid_to is null
        and (asked.since is null or known.created_at > asked.since)
where asked.doubt is null;

-- The removal limit: what looks like a mistake is held back until exactly that number is accepted.
create or replace temp table verdicts as
with counted as (
    select
        asked.*,
        count(expected.known_row) as known,
        count(expected.known_row) filter (where expected.is_absent) as absent,
    from asked
    left join expected on asked.listing = expected.listing
    group by all
),

limited as (
    select
        *,
        absent > greatest(5, removal_limit * known) or (records = 0 and known > 0) as is_suspicious,
    from counted
),

weighed as (
    select
        *,
        sum(absent) filter (where is_suspicious) over (partition by connection) as suspicious,
    from limited
)

select
    * exclude (is_suspicious),
    case
        when reading is null then 'failed'
        when doubt is not null then 'unverified'
        when is_suspicious and (accepted is null or accepted <> suspicious) then 'held_back'
        else 'verified'
    end as outcome,
from weighed;
