-- The changes by runs, newest first, without minor ones. A filter that is null selects everything.
with of_clients as (
    select
        project_key,
        valid_from as changed_at,
    from projects_history
    where list_contains($client_keys, client_key)
    union
    select
        project_key,
        valid_to as changed_at,
    from projects_history
    where list_contains($client_keys, client_key)
)

select
    changes.changed_at,
    changes.change,
    changes.project_key,
    changes.name,
    changes.column_name,
    changes.old_value,
    changes.new_value,
from project_changes as changes
left join connections on changes.connection = connections.connection
where
    not changes.is_minor
    -- Without a start, only the changes by the last run of each connection.
    and if($since is null, changes.changed_at = connections.last_attempt_at, changes.changed_at >= $since)
    and ($until is null or changes.changed_at < $until)
    and ($providers is null or list_contains($providers, changes.provider))
    and ($connections is null or list_contains($connections, changes.connection))
    and ($client_keys is null or (changes.project_key, changes.changed_at) in (from of_clients))
    and ($kinds is null or list_contains($kinds, changes.change))
    and ($column_names is null or list_contains($column_names, changes.column_name))
order by changes.changed_at desc, changes.project_key asc, changes.change asc, changes.column_name asc
