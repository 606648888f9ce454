-- values that do not fit their column's type stay in attributes
-- severity: warning
select
    provider,
    column_name,
    count(*) as projects,
    any_value(attributes ->> column_name) as example,
from (
    select
        provider,
        attributes,
        unnest(json_keys(attributes)) as column_name,
    from projects
)
where
    column_name in (
        'start', 'finish', 'createdAt', 'priority', 'isTemplate', 'lastUpdated', 'created_at', 'updated_at',
        'deleted_at', 'default'
    )
group by provider, column_name
order by provider, column_name
