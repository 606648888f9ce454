-- The versions of a file count from 1, do not overlap and are never empty, and only the last is current.
with neighbours as (
    select
        file_key,
        version,
        valid_from,
        valid_to,
        is_current,
        change,
        end_reason,
        row_number() over by_version as position,
        lead(valid_from) over by_version as next_from,
    from files_history
    window by_version as (partition by file_key order by valid_from, version)
),

with_problem as (
    select
        *,
        case
            when version <> position then 'the versions do not count from 1'
            when valid_to <= valid_from then 'its period is empty'
            when next_from < coalesce(valid_to, timestamptz 'infinity') then 'its period overlaps the next one'
            when is_current <> (valid_to is null) then 'is_current does not match valid_to'
            when (valid_to is null) <> (end_reason is null) then 'valid_to and end_reason do not match'
            when (version = 1) <> (change = 'created') then 'only the first version is created'
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
from with_problem
where problem is not null
order by file_key, version
