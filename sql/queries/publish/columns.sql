-- The columns of a published table.
select
    column_name,
    data_type,
    coalesce(comment, '') as comment,
from ({{ columns }}) as columns
where schema_name = 'main' and table_name = $name
order by column_index
