-- Readable labels of values that a provider sends as codes: Matter's phases and types. The label of an undocumented
-- code is made from the code.
-- grain: provider, column_name, value
-- example: select projects.name, labels.label from projects inner join labels on projects.phase = labels.value
with received as (
    select distinct
        provider,
        phase,
        category,
    from projects_history
    where provider in (select provider, from seeds.labels)
),

codes as (
    select
        provider,
        'phase' as column_name,
        phase as value,
    from received
    where phase is not null
    union
    select
        provider,
        'category' as column_name,
        category as value,
    from received
    where category is not null
    union
    select
        provider,
        column_name,
        value,
    from seeds.labels
),

words as (
    select
        *,
        lower(replace(regexp_replace(value, '^PRJ_[A-Z]+?_', ''), '_', ' ')) as text,
    from codes
)

select
    words.provider, -- the service
    words.column_name, -- the column of projects: phase or category
    words.value, -- the value as the provider sends it
    coalesce(known.label, upper(left(words.text, 1)) || substring(words.text, 2)) as label, -- the text to show for it
from words
left join seeds.labels as known
    on
        words.provider = known.provider
        and words.column_name = known.column_name
        and words.value = known.value
order by words.provider, words.column_name, words.value
