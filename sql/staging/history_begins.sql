-- The time from which the history is complete: `rollcall prune` dropped versions that ended before. One row; null if
-- nothing was dropped.
-- grain: started_at
select max(history_begins_at) as started_at,
from raw.operations
