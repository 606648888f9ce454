"""`rollcall query --describe`: what the columns of a table mean, as the database says."""

from dataclasses import dataclass

from pipelines.cells import literal
from pipelines.errors import UsageError
from pipelines.reading import Warehouse
from pipelines.rows import Rows, rows_of
from pipelines.suggest import nearest


@dataclass(frozen=True)
class Description:
    """A table's own comment, and a row for each of its columns: name, type and comment."""

    table: str
    comment: str | None
    columns: Rows


def describe(warehouse: Warehouse, table: str) -> Description:
    """Describe a table or view, such as `raw.records`. Raises UsageError where there is none."""
    comments: dict[str, str | None] = dict(
        warehouse.connection.execute(
            """
            select if(schema_name = 'main', '', schema_name || '.') || name as name, comment
            from (
                select schema_name, table_name as name, comment from duckdb_tables() where not internal
                union all
                select schema_name, view_name as name, comment from duckdb_views() where not internal
            )
            """
        ).fetchall()
    )
    wanted = table.lower().removeprefix("main.")
    if wanted not in comments:
        raise UsageError(f"there is no table {table}", nearest(wanted, comments))
    schema, _, name = wanted.rpartition(".")
    columns = rows_of(
        warehouse,
        f"""
        select
            column_name,
            replace(lower(data_type), 'timestamp with time zone', 'timestamptz') as type,
            comment
        from duckdb_columns()
        where schema_name = {literal(schema or "main")} and table_name = {literal(name)}
        order by column_index
        """,
    )
    return Description(wanted, comments[wanted], columns)
