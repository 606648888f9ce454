-- The start of the last run or operation. One row; null before the first.
-- grain: started_at
select max(started_at) as started_at,
from raw.runs
