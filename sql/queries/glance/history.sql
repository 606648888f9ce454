-- The rows of `rollcall history`, for people: a row for each version, with its changes in a sentence.
select
    version,
    {{ valid_from }} as "from",
    {{ valid_to }} || if(end_reason = 'changed', '', ', ' || end_reason) as until,
    change,
    string_agg({{ difference }}, '; ' order by column_name) as changes,
from ({{ rows }}) as versions
group by all
order by version
