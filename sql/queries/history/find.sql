-- The projects and files with a key or id, under their last names.
select
    kind,
    key,
    arg_max(name, version) as name,
from ({{ subjects }}) as subjects
where $key in (key, id)
group by kind, key
order by key
