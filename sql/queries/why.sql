-- The events of the records of one project or file, oldest first, with the listings that showed them.
with versions as (
    select
        *,
        lag(payload) over by_version as previous,
        lag(valid_to) over by_version as previous_end,
    from staging.records
    where
        (entity = $kind || 's' and record_key = $key)
        -- The events of a project that is derived from files are those of its files.
        or (
            $kind = 'project'
            and entity = 'files'
            and record_key in (
                select file_key, from files_history
                where project_key = $key
            )
        )
    window by_version as (partition by connection, scope, entity, record_id order by valid_from)
),

events as (
    select
        * exclude (payload, previous),
        valid_from as run,
        case
            when previous_end is null then 'created'
            when previous_end = valid_from then 'changed'
            else 'returned'
        end as event,
        previous as before,
        payload as after,
    from versions
    union all by name
    select
        * exclude (payload, previous),
        valid_to as run,
        end_reason as event,
        payload as before,
    from versions
    where end_reason in ('removed', 'retired')
    union all by name
    select
        * exclude (payload, previous),
        refreshed_at as run,
        'refreshed' as event,
        payload as after,
    from versions
    where refreshed_at is not null
)

select
    events.run,
    events.event,
    events.connection,
    events.scope,
    events.entity,
    events.record_id,
    listing.outcome,
    listing.pages,
    listing.records,
    listing.window_start,
    listing.message,
    case
        when events.event in ('changed', 'returned') then list_sort(list_filter(
            list_distinct(json_keys(events.before) || json_keys(events.after)),
            lambda field: (events.before -> ('/' || replace(replace(field, '~', '~0'), '/', '~1')))
            is distinct from (events.after -> ('/' || replace(replace(field, '~', '~0'), '/', '~1')))
        ))
    end as changed_fields,
    events.before,
    events.after,
from events
left join raw.listings as listing
    on
        events.run = listing.started_at
        and events.connection = listing.connection
        and events.scope is not distinct from listing.scope
        and events.entity = listing.entity
order by events.run, events.connection, events.scope, events.entity, events.record_id, events.event
