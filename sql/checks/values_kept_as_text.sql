-- values that do not fit their column's type are kept as text: in attributes, those of files in raw.records
-- severity: warning
with unread as (
    select
        provider,
        connection,
        unnest(unread) as entry,
    from staging.projects
    where valid_to is null and provider <> 'evovoice' -- whose projects hold nothing but what their files do
    union all
    select
        provider,
        connection,
        unnest(unread) as entry,
    from staging.files
    where valid_to is null
)

select
    provider,
    connection,
    entry.field as field,
    count(*) as records,
    min(entry.said) as example,
from unread
group by all
order by all
