-- A key is unique in projects.
select
    project_key,
    count(*) as rows,
from projects
group by project_key
having count(*) > 1
order by project_key
