-- The tables of facts with a column `connection`, except that of the connections themselves.
select table_name,
from duckdb_columns()
where
    database_name = current_database()
    and schema_name = 'raw'
    and column_name = 'connection'
    and table_name <> 'connections'
order by table_name
