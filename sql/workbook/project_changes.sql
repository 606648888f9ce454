-- What happened to projects, the latest first, without minor changes and first listings.
select
    change.name,
    change.changed_at,
    change.change,
    change.column_name,
    change.old_value,
    change.new_value,
    change.provider,
    change.connection,
    connections.is_fresh,
    connections.outcome as connection_outcome,
    change.project_key,
from project_changes as change
left join connections on change.connection = connections.connection
where not change.is_minor and not change.is_first_listing
order by change.changed_at desc, lower(change.name) asc, change.project_key asc, change.column_name asc
