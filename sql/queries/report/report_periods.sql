-- When each period of the report begins: the last run of each connection, the last days, the period chosen.
-- grain: period, connection
create or replace temp table report_periods as
select
    connection,
    unnest([0, 1, 2]) as period,
    unnest([last_attempt_at, getvariable('week'), getvariable('chosen')]) as since,
from connections
where last_attempt_at is not null
