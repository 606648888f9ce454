-- Versions count from 1, follow one another without overlap, are never empty, and only the last is current.
with neighbours as (
    select
        file_key,
        version,
        valid_from,
        valid_to,
        row_number() over ahead as position,
        lead(valid_from) over ahead as next_from,
    from files_history
    window ahead as (partition by file_key order by valid_from, version)
)

select *,
from neighbours
where
    version <> position
    or valid_to <= valid_from
    or (next_from is not null and (valid_to is null or valid_to > next_from))
