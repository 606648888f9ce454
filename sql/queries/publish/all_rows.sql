-- All rows of a table, for a destination that has none: nothing is compared, so no row is kept in memory.
select
    {{ values }},
    {{ key }} as {{ key_column }},
    {{ hash }} as {{ hash_column }},
    false as {{ deleted_column }},
from {{ table }}
