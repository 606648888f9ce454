-- The connections of the last run whose removals were held back in their attempt before too, with the same numbers.
with attempts as (
    select
        connection,
        started_at,
        list(
            struct_pack(scope := scope, entity := entity, outcome := outcome, held_back := held_back)
            order by scope nulls first, entity
        ) as listings,
        bool_or(outcome = 'held_back') as is_held_back,
        dense_rank() over (partition by connection order by started_at desc) as recency,
    from listings
    group by connection, started_at
)

select attempts.connection,
from attempts
inner join attempts as earlier on attempts.connection = earlier.connection and earlier.recency = 2
where attempts.recency = 1 and attempts.is_held_back and attempts.listings is not distinct from earlier.listings
order by attempts.connection
