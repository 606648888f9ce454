-- The received versions of a record do not overlap, are never empty and end for a reason, and at most one is current.
with neighbours as (
    select
        connection,
        scope,
        entity,
        record_id,
        valid_from,
        valid_to,
        end_reason,
        lead(valid_from) over (partition by connection, scope, entity, record_id order by valid_from) as next_from,
    from raw.records
),

with_problem as (
    select
        *,
        case
            when valid_to <= valid_from then 'its period is empty'
            when next_from < coalesce(valid_to, timestamptz 'infinity') then 'its period overlaps the next one'
            when (valid_to is null) <> (end_reason is null) then 'valid_to and end_reason do not match'
            when end_reason = 'changed' and coalesce(next_from <> valid_to, true)
                then 'it changed, but no version follows'
        end as problem,
    from neighbours
)

select *,
from with_problem
where problem is not null
order by connection, scope, entity, record_id, valid_from
