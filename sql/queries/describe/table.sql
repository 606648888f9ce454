-- The columns of one table or view.
select
    column_name,
    replace(lower(data_type), 'timestamp with time zone', 'timestamptz') as type,
    comment,
from ({{ columns }}) as columns
where schema_name = $schema and table_name = $name
order by column_index
