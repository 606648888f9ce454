-- The columns of all tables of a lakehouse, which keeps their descriptions in a view of its own.
select
    columns.schema_name,
    columns.table_name,
    columns.column_name,
    columns.column_index,
    columns.data_type,
    coalesce(columns.comment, described.comment) as comment,
from duckdb_columns() as columns
left join staging.descriptions as described
    on
        columns.schema_name = 'main'
        and columns.table_name = described.table_name
        and columns.column_name = described.column_name
