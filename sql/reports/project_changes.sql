-- The changes of projects, newest first.
select
    change.project_key,
    change.provider,
    change.connection,
    change.name,
    change.changed_at,
    change.change,
    change.column_name,
    change.old_value,
    change.new_value,
    change.is_minor,
    change.is_first_listing,
    connections.is_fresh,
    connections.outcome as connection_outcome,
from project_changes as change
left join connections on change.connection = connections.connection
order by change.changed_at desc, change.project_key asc, change.change asc, change.column_name asc
