-- The projects and files that are most like a key, an id or a name that does not exist.
select
    key,
    arg_max(name, version) as name,
    max(greatest(
        jaro_winkler_similarity(lower(key), lower($key)),
        jaro_winkler_similarity(lower(id), lower($key)),
        jaro_winkler_similarity(lower(name), lower($key)),
        if(contains(lower(name), lower($key)) or contains(lower(key), lower($key)), 1, 0)
    )) as nearness,
from ({{ subjects }}) as subjects
group by key
having nearness > 0.8
order by nearness desc, key asc
limit 3
