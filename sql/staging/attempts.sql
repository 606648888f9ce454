-- The result of each run for each connection: the worst outcome of its listings.
-- grain: connection, started_at
select
    connection,
    started_at,
    case max(case outcome when 'failed' then 4 when 'held_back' then 3 when 'unverified' then 2 else 1 end)
        when 4 then 'failed'
        when 3 then 'held_back'
        when 2 then 'unverified'
        else 'verified'
    end as outcome,
    bool_and(window_start is null) as is_full,
    string_agg(coalesce(scope || ': ', '') || message, '; ' order by scope nulls first) as message,
from raw.listings
group by connection, started_at
