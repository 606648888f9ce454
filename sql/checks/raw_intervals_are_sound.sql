-- Versions as received do not overlap, are never empty, and at most one of a record is current.
with neighbours as (
    select
        connection,
        scope,
        entity,
        record_id,
        valid_from,
        valid_to,
        end_reason,
        lead(valid_from) over ahead as next_from,
    from raw.records
    window ahead as (partition by connection, scope, entity, record_id order by valid_from)
)

select *,
from neighbours
where
    valid_to <= valid_from
    or (next_from is not null and (valid_to is null or valid_to > next_from))
    or (valid_to is null) <> (end_reason is null)
