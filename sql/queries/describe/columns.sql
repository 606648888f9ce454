-- The columns of all tables of a file.
select
    schema_name,
    table_name,
    column_name,
    column_index,
    data_type,
    comment,
from duckdb_columns()
