-- Every connection that ever took part in a run, and how fresh its records are.
-- grain: connection
with attempts as (
    select
        connection,
        started_at,
        case max(case outcome when 'failed' then 4 when 'held_back' then 3 when 'unverified' then 2 else 1 end)
            when 4 then 'failed'
            when 3 then 'held_back'
            when 2 then 'unverified'
            else 'verified'
        end as outcome,
        string_agg(coalesce(scope || ': ', '') || message, '; ' order by scope nulls first) as message,
    from raw.listings
    group by connection, started_at
),

latest as (
    select
        connection,
        max(started_at) as last_attempt_at,
        max(started_at) filter (where outcome = 'verified') as last_verified_at,
        arg_max(outcome, started_at) as outcome,
        -- arg_max passes over nulls, and a verified attempt has no message
        arg_max(coalesce(message, ''), started_at) as message,
    from attempts
    group by connection
),

counts as (
    select
        connection,
        count(*) as records,
    from raw.records
    where valid_to is null
    group by connection
)

select
    known.connection, -- the configured account
    known.provider, -- its service
    latest.last_attempt_at, -- start of the last run that asked it
    latest.last_verified_at, -- start of the last run that proved all its listings
    coalesce(counts.records, 0) as records, -- records listed now
    latest.outcome, -- the worst of its listings' outcomes in that last run
    nullif(latest.message, '') as message, -- why it was not verified then
from raw.connections as known
left join latest on known.connection = latest.connection
left join counts on known.connection = counts.connection
order by known.connection
