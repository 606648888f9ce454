-- How fresh each connection is.
select
    connection,
    last_attempt_at,
    last_verified_at,
    outcome,
    message,
    is_fresh,
from connections
order by connection
