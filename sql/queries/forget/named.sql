-- The records of a subject.
select record.*,
from ({{ records }}) as record
where record.entity = $kind || 's' and concat_ws(':', record.connection, record.scope, record.record_id) = $key
