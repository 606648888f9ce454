-- The rows of `rollcall why`, for people: the listing in words, and only the fields that changed.
select
    {{ run }} as run,
    event,
    coalesce(scope || ':', '') || record_id as record,
    coalesce(outcome, 'no') || ' listing of ' || coalesce(records, 0) || if(records = 1, ' record', ' records')
    || coalesce(' since ' || strftime(window_start, '%Y-%m-%d'), '')
    || coalesce(': ' || message, '') as listing,
    coalesce(
        list_aggregate(
            list_transform(
                changed_fields,
                lambda field: field || ': '
                || coalesce(before -> ('/' || replace(replace(field, '~', '~0'), '/', '~1')), 'nothing')
                || ' → '
                || coalesce(after -> ('/' || replace(replace(field, '~', '~0'), '/', '~1')), 'nothing')
            ),
            'string_agg',
            '; '
        ),
        cast(coalesce(after, before) as text)
    ) as content,
from ({{ rows }}) as events
order by events.run, record, events.event
