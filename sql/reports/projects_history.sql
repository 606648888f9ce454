-- Every version of every project.
select *,
from projects_history
order by project_key, version
