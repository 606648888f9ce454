-- The latest record of a project as its provider sent it.
select
    connection,
    scope,
    record_id,
    payload,
from raw.records
where entity = 'projects' and concat_ws(':', connection, scope, record_id) = $key
order by valid_from desc
limit 1
