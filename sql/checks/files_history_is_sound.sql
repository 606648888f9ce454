-- Versions of a file count from 1, do not overlap, are never empty, and only the last is current.
with neighbours as (
    select
        file_key,
        version,
        valid_from,
        valid_to,
        is_current,
        change,
        end_reason,
        row_number() over life as position,
        lead(valid_from) over life as next_from,
    from files_history
    window life as (partition by file_key order by valid_from, version)
),

judged as (
    select
        *,
        case
            when version <> position then 'versions do not count from 1'
            when valid_to <= valid_from then 'it is empty'
            when next_from < coalesce(valid_to, timestamptz 'infinity') then 'it overlaps the next'
            when is_current <> (valid_to is null) then 'is_current does not say so'
            when (valid_to is null) <> (end_reason is null) then 'its end and its reason do not agree'
            when (version = 1) <> (change = 'created') then 'the first, and only it, is created'
        end as problem,
    from neighbours
)

select
    file_key,
    version,
    valid_from,
    valid_to,
    next_from,
    end_reason,
    problem,
from judged
where problem is not null
order by file_key, version
