-- Since when the history is complete: `rollcall prune` has dropped versions that ended before. One row; null if nothing
-- was dropped.
-- grain: started_at
select max(history_begins_at) as started_at,
from raw.operations
