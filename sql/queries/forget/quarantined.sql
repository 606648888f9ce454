-- The quarantined records with a key or an id.
select distinct
    rtrim(entity, 's') as kind,
    concat_ws(':', connection, scope, record_id) as key,
from raw.quarantine
where record_id is not null and $key in (concat_ws(':', connection, scope, record_id), record_id)
order by key
