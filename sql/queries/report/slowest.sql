-- The slowest listings of each connection's last run, with their median time in earlier runs (variables most, usual).
with numbered as (
    select
        *,
        dense_rank() over (partition by connection order by started_at desc) - 1 as age,
    from listings
),

usual as (
    select
        connection,
        scope,
        entity,
        median(seconds) as seconds,
    from numbered
    where age between 1 and getvariable('usual')
    group by connection, scope, entity
)

select
    latest.connection,
    latest.scope,
    latest.entity,
    latest.records,
    latest.requests,
    latest.retries,
    latest.seconds,
    usual.seconds as usual_seconds,
from numbered as latest
left join usual
    on
        latest.connection = usual.connection
        and latest.scope is not distinct from usual.scope
        and latest.entity = usual.entity
where latest.age = 0
order by latest.seconds desc, latest.connection asc, latest.scope asc
limit getvariable('most')
