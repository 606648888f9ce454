-- The columns of a published table.
select
    column_name,
    data_type,
    coalesce(comment, '') as comment,
from duckdb_columns()
where database_name = current_database() and schema_name = 'main' and table_name = $name
order by column_index
