-- The rows of `rollcall changes`, for people: each change in a sentence.
select
    {{ changed_at }} as "when",
    change,
    project_key,
    name,
    {{ difference }} as difference,
from ({{ rows }}) as changes
