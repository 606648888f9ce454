-- Every file that is listed now, without last_seen_at, and without uri, which may be a link that grants access.
select * exclude (uri, last_seen_at),
from files
order by file_key
