-- Every project that is listed now, without last_seen_at, which changes with every run.
select * exclude (last_seen_at),
from projects
order by project_key
