-- Versions as received do not overlap, are never empty, end for a reason, and at most one of a record is current.
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

judged as (
    select
        *,
        case
            when valid_to <= valid_from then 'it is empty'
            when next_from < coalesce(valid_to, timestamptz 'infinity') then 'it overlaps the next'
            when (valid_to is null) <> (end_reason is null) then 'its end and its reason do not agree'
            when end_reason = 'changed' and coalesce(next_from <> valid_to, true) then 'it changed into nothing'
        end as problem,
    from neighbours
)

select *,
from judged
where problem is not null
order by connection, scope, entity, record_id, valid_from
