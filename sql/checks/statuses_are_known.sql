-- Every status is one of the eight that status_mapping may use.
select
    project_key,
    version,
    status,
from projects_history
where
    status not in (
        'active', 'inactive', 'planned', 'on_hold', 'completed', 'cancelled', 'archived', 'unknown'
    )
order by project_key, version
