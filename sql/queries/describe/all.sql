-- The published tables and views with their numbers of rows, the published macros, and the table of facts that explains
-- them.
with described as (
    select
        relations.table_name as name,
        counts.rows,
        relations.comment,
        1 as place,
    from ({{ relations }}) as relations
    inner join ({{ counts }}) as counts on relations.table_name = counts.table_name
    where relations.schema_name = 'main'
    union all
    select
        macros.function_name || '(' || list_aggregate(macros.parameters, 'string_agg', ', ') || ')' as name,
        null as rows,
        macros.comment,
        2 as place,
    from ({{ macros }}) as macros
    union all
    select
        'raw.records' as name,
        count(*) as rows,
        'Every version of every record, as its provider sent it.' as comment,
        3 as place,
    from raw.records
)

select
    name,
    rows,
    comment,
from described
order by place, name
