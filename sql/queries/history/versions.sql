-- The versions of one project or file: a row for each changed column of a version, or one row if none changed.
with subject as (
    select *, from {{ history }}
    where {{ key_column }} = $key
),

versions as (
    select
        version,
        valid_from,
        valid_to,
        change,
        end_reason,
        changed_columns,
        to_json(subject) as cells,
    from subject
),

compared as (
    select
        after.*,
        unnest(if(after.change = 'changed', after.changed_columns, [null])) as column_name,
        before.cells as cells_before,
    from versions as after
    left join versions as before on after.version = before.version + 1
)

select
    version,
    valid_from,
    valid_to,
    change,
    end_reason,
    column_name,
    if(column_name is null, null, cells_before ->> column_name) as old_value,
    if(column_name is null, null, cells ->> column_name) as new_value,
from compared
order by version, column_name
