-- What the staging models read: every version of every record, with the key of its record.
create or replace view staging.records as
select
    *,
    concat_ws(':', connection, scope, record_id) as record_key,
from raw.records
