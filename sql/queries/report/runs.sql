-- Every run of the days shown (variable days), in UTC.
select
    epoch_ms(started_at) as started_at,
    outcome = 'partial' as is_partial,
from runs
where cast(started_at as date) > (select cast(max(started_at) as date), from runs) - cast(getvariable('days') as integer)
order by started_at
