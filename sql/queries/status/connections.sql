-- The state of each connection.
select
    connection,
    provider,
    records,
    last_attempt_at,
    last_verified_at,
    outcome,
    message,
    is_configured,
    retired_at,
from connections
order by connection
