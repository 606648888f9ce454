-- The query of a model of kind `versions of KEY`. `typed` is the model itself: one row per version as received.
-- Consecutive rows whose compared columns are equal become one version.
with typed as (
    {{ typed }}
),

-- Most records never change, so only keys with several rows are compared.
changed_keys as (
    select {{ key }},
    from typed
    group by {{ key }}
    having count(*) > 1
),

with_previous as (
    select
        typed.*,
        lag(typed) over (partition by {{ key }} order by valid_from) as previous,
    from typed
    where {{ key }} in (from changed_keys)
),

compared as (
    select
        * exclude (previous),
        case
            when previous is null then 'created'
            when previous.valid_to = valid_from then 'changed'
            else 'returned'
        end as change,
        case
            when previous is null then []
            else staging.without_nulls([
                {{ comparisons }}
            ])
        end as changed_columns,
    from with_previous
),

flagged as (
    select
        *,
        case
            when change <> 'changed' or len(changed_columns) > 0
                then struct_pack(
                    valid_from := valid_from,
                    change := change,
                    changed_columns := changed_columns,
                    {{ values }}
                )
        end as beginning,
    from compared
),

-- A version begins with its first row. It keeps the compared values of that row, in their spelling, and takes the other
-- values from its last row.
collapsed as (
    select
        *,
        count(beginning) over by_version as version,
        last_value(beginning ignore nulls) over by_version as first,
    from flagged
    window by_version as (partition by {{ key }} order by valid_from)
    qualify coalesce(lead(beginning is not null) over by_version, true)
),

versions as (
    select
        * exclude (beginning, first, valid_from, change, changed_columns, {{ kept }}),
        first.*,
    from collapsed
    union all by name
    select
        *,
        1 as version,
        'created' as change,
        [] as changed_columns,
    from typed
    where {{ key }} not in (from changed_keys)
)

select
    {{ columns }},
    cast(version as integer) as version, -- counts from 1
    valid_from, -- start of the run that first saw this version
    valid_to, -- start of the run that found it changed or removed; null while it is current
    valid_to is null as is_current, -- whether it is listed now, as this version
    change, -- why it began: created, changed or returned
    end_reason, -- why it ended: changed, removed or retired; null while it is current
    changed_columns, -- columns that differ from the previous version
from versions
