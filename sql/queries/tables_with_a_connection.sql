-- The tables of facts with rows of a connection, but for that of the connections themselves.
select table_name,
from duckdb_columns()
where
    database_name = current_database()
    and schema_name = 'raw'
    and column_name = 'connection'
    and table_name <> 'connections'
order by table_name
