-- Whether a time, given as an expression, is before the first run or in the future; and both times as text.
select
    {{ moment }} < min(started_at) as is_before,
    {{ moment }} > now() + interval 1 day as is_after,
    trim(({{ argument }})::varchar) as given,
    {{ first_run }} as first_run,
from runs
