-- The tables and views of the current database.
select
    schema_name,
    table_name,
    comment,
from duckdb_tables()
where database_name = current_database() and not internal
union all
select
    schema_name,
    view_name as table_name,
    comment,
from duckdb_views()
where database_name = current_database() and not internal
