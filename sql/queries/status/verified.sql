-- Whether each connection was verified since a time, when it last was, as text, and whether it is in use.
select
    connection,
    coalesce(last_verified_at >= $oldest, false) as is_verified,
    {{ verified_at }} as verified_at,
    is_configured and retired_at is null as is_in_use,
from connections
