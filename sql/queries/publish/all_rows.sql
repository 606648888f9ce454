-- All rows of a table, for a destination that has none: nothing is compared, so no row is kept in memory.
with typed as not materialized (
    select {{ values }},
    from {{ table }}
)

select
    typed.*,
    {{ key }} as {{ key_column }},
    cast(hash(typed) >> 1 as bigint) as {{ hash_column }},
    false as {{ deleted_column }},
from typed
