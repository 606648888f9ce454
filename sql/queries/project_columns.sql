-- The published columns of a project.
select column_name,
from duckdb_columns()
where schema_name = 'main' and table_name = 'projects_history'
order by column_index
