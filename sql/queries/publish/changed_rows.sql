-- The rows of a table that differ from those in `stored`, a table of keys and hashes. A row that `stored` has and the
-- table lacks is among them: its key, marked as deleted.
with hashed as materialized (
    select
        {{ grain }},
        {{ key }} as {{ key_column }},
        {{ hash }} as {{ hash_column }},
    from {{ table }}
),

differing as materialized (
    select hashed.*,
    from hashed
    left join stored on hashed.{{ key_column }} = stored.{{ key_column }}
    where stored.{{ hash_column }} is distinct from hashed.{{ hash_column }}
),

changed as (
    select
        held.*,
        differing.{{ key_column }},
        differing.{{ hash_column }},
    from {{ table }} as held
    inner join differing on {{ same }}
)

select -- noqa: AM07, the rows that are gone have their keys only
    {{ values }},
    {{ key_column }},
    {{ hash_column }},
    false as {{ deleted_column }},
from changed
union all by name
select
    stored.{{ key_column }},
    true as {{ deleted_column }},
from stored
anti join hashed on stored.{{ key_column }} = hashed.{{ key_column }}
