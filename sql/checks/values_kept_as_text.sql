-- values that do not fit their column's type are kept as text: in attributes, those of files in raw.records
-- severity: warning
with unparsed_values as (
    select
        provider,
        connection,
        unnest(unparsed) as entry,
    from staging.listed_projects
    where valid_to is null
    union all
    select
        provider,
        connection,
        unnest(unparsed) as entry,
    from staging.files
    where valid_to is null
)

select
    provider,
    connection,
    entry.field as field,
    count(*) as records,
    min(entry.value) as example,
from unparsed_values
group by all
order by all
