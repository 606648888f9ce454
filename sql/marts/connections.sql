-- Every connection that a run ever synced, and how fresh its records are.
-- grain: connection
-- example: select connection, last_verified_at, message from connections where outcome <> 'verified'
with latest as (
    select
        connection,
        max(started_at) as last_attempt_at,
        max(started_at) filter (where outcome = 'verified') as last_verified_at,
        max(started_at) filter (where outcome = 'verified' and is_full) as last_full_at,
        arg_max(outcome, started_at) as outcome,
        -- arg_max ignores nulls, and a verified attempt has no message
        arg_max(coalesce(message, ''), started_at) as message,
    from staging.attempts
    group by connection
),

retirements as (
    select
        connection,
        max(started_at) as retired_at,
    from raw.operations
    where operation = 'retire'
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
    coalesce(known.is_configured, true) as is_configured, -- whether it was in the configuration of the last run
    latest.last_attempt_at, -- start of the last run that synced it
    latest.last_verified_at, -- start of the last run that verified all its listings
    latest.last_full_at, -- start of the last run that verified all its listings, without a window
    coalesce(counts.records, 0) as records, -- records listed now
    latest.outcome, -- the worst outcome of its listings in that last run
    nullif(latest.message, '') as message, -- why it was not verified then
    if(
        retirements.retired_at > coalesce(latest.last_attempt_at, timestamptz '-infinity'), retirements.retired_at, null
    ) as retired_at, -- when an operator closed its rows; null if a run has synced it since
    coalesce(
        latest.outcome = 'verified' and latest.last_verified_at >= last_run.started_at - interval 36 hours,
        false
    ) as is_fresh, -- whether its last run verified it and began at most 36 hours before the newest run
from raw.connections as known
left join latest on known.connection = latest.connection
left join retirements on known.connection = retirements.connection
left join counts on known.connection = counts.connection
-- Relative to the last run, not to now, so that a warehouse always gives the same answer.
cross join staging.last_run
order by known.connection
