-- Each run starts later than the one published before it.
select
    started_at,
    previous,
from (
    select
        started_at,
        lag(started_at) over (order by rowid) as previous,
    from raw.runs
)
where started_at <= previous
order by started_at
