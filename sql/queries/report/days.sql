-- What happened on each day, in UTC, by provider; the variable days says how many days up to the last run.
-- grain: day, provider
select
    epoch_ms(cast(day as timestamptz)) as day,
    provider,
    sum(created) as created,
    sum(returned) as returned,
    sum(removed) as removed,
    sum(changed) as changed,
    bool_and(is_fresh) as is_fresh,
from connection_days
where day > (select max(day), from connection_days) - cast(getvariable('days') as integer)
group by day, provider
order by day, provider
