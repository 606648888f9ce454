-- The changes for the script of the page: a JSON array for each column, in the order of the projects and then of time.
-- Times are milliseconds since 1970.
with ordered as (
    select
        *,
        row_number() over (
            order by
                position,
                changed_at,
                change,
                column_name <> 'status',
                column_name <> 'name',
                column_name <> 'client_name',
                column_name
        ) as place,
    from shown_changes
)

select
    to_json(list(epoch_ms(changed_at) order by place)) as time,
    to_json(list(change order by place)) as kind,
    to_json(list(column_name order by place)) as column,
    to_json(list(old_value order by place)) as old,
    to_json(list(new_value order by place)) as new,
from ordered
