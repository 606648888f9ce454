-- The rows of a table that differ from those in `stored`, a table of keys and hashes. A row that `stored` has and the
-- table lacks is among them: its key, marked as deleted.
with typed as not materialized (
    select {{ values }},
    from {{ table }}
),

hashed as materialized (
    select
        {{ key }} as {{ key_column }},
        cast(hash(typed) >> 1 as bigint) as {{ hash_column }},
    from typed
),

differing as materialized (
    select hashed.*,
    from hashed
    left join stored on hashed.{{ key_column }} = stored.{{ key_column }}
    where stored.{{ hash_column }} is distinct from hashed.{{ hash_column }}
)

select -- noqa: AM07, the rows that are gone have their keys only
    typed.*,
    differing.{{ key_column }},
    differing.{{ hash_column }},
    false as {{ deleted_column }},
from typed
inner join differing on {{ key }} = differing.{{ key_column }}
union all by name
select
    stored.{{ key_column }},
    true as {{ deleted_column }},
from stored
anti join hashed on stored.{{ key_column }} = hashed.{{ key_column }}
