"""`rollcall describe`: tables and columns with their comments, read from the database."""

from dataclasses import dataclass

from pipelines.common.errors import UsageError
from pipelines.common.sql import identifier, literal
from pipelines.common.suggest import nearest
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse

_TYPE = "replace(lower({}), 'timestamp with time zone', 'timestamptz') as type"
_PUBLISHED = """
    select table_name as name, counted.rows, comment, 1 as place
    from ({relations}) inner join ({counted}) as counted using (table_name)
    union all
    select function_name || '(' || list_aggregate(parameters, 'string_agg', ', ') || ')', null, comment, 2
    from duckdb_functions() where schema_name = 'main' and function_type = 'table_macro' and not internal
    union all
    select 'raw.records', count(*), 'Every version of every record, as its provider sent it.', 3
    from raw.records
"""


_RELATIONS = """
    select table_name, comment from duckdb_tables()
    where schema_name = 'main' and database_name = current_database() and not internal
    union all
    select view_name, comment from duckdb_views()
    where schema_name = 'main' and database_name = current_database() and {views}
"""
# A lakehouse keeps the descriptions of columns in a view of its own.
_COMMENTED = """
    select columns.* replace (coalesce(columns.comment, described.comment) as comment)
    from duckdb_columns() as columns
    left join staging.descriptions as described
        on columns.schema_name = 'main'
        and columns.table_name = described.table_name and columns.column_name = described.column_name
"""


@dataclass(frozen=True)
class Description:
    """A table's or macro's own comment, and a row for each of its columns: name, type and comment."""

    name: str
    comment: str | None
    columns: Rows


def describe_all(warehouse: Warehouse) -> Rows:
    """A row for each table, and each macro that gives one: name, number of rows, comment."""
    relations = _RELATIONS.format(views=_views(warehouse))
    published = _PUBLISHED.format(relations=relations, counted=_counted(warehouse, relations))
    return rows_of(warehouse, f"select name, rows, comment from ({published}) order by place, name")


def _views(warehouse: Warehouse) -> str:
    """A condition for views: a lakehouse publishes them; those in a file are a user's own."""
    return "false" if warehouse.path else "true"


def _counted(warehouse: Warehouse, relations: str) -> str:
    """SQL for the number of rows of each published table: the catalog only estimates it."""
    found = warehouse.connection.execute(f"select table_name from ({relations})")
    counts = [
        f"select {literal(name)} as table_name, count(*) as rows from main.{identifier(name)}"
        for (name,) in found.fetchall()
    ]
    return " union all ".join(counts) or "select '' as table_name, 0 as rows where false"


def describe(warehouse: Warehouse, name: str) -> Description:
    """Describe a table, view or macro, such as `raw.records`. Raises UsageError if it does not exist."""
    wanted = name.lower().removeprefix("main.").partition("(")[0]
    macros, tables = _macros(warehouse), _tables(warehouse)
    if wanted in macros:
        parameters, comment = macros[wanted]
        return Description(
            f"{wanted}({', '.join(parameters)})", comment, _columns_of_macro(warehouse, wanted, parameters)
        )
    if wanted in tables:
        return Description(wanted, tables[wanted], _columns_of_table(warehouse, wanted))
    raise UsageError(f"there is no table {name}", nearest(wanted, [*tables, *macros]))


def _tables(warehouse: Warehouse) -> dict[str, str | None]:
    found = warehouse.connection.execute(
        """
        select if(schema_name = 'main', '', schema_name || '.') || name as name, comment
        from (
            select schema_name, table_name as name, comment from duckdb_tables()
            where not internal and database_name = current_database()
            union all
            select schema_name, view_name as name, comment from duckdb_views()
            where not internal and database_name = current_database()
        )
        """
    )
    return dict(found.fetchall())


def _macros(warehouse: Warehouse) -> dict[str, tuple[list[str], str | None]]:
    found = warehouse.connection.execute(
        """
        select function_name, parameters, comment
        from duckdb_functions()
        where schema_name = 'main' and function_type = 'table_macro' and not internal
        """
    )
    return {name: (parameters, comment) for name, parameters, comment in found.fetchall()}


def _columns(warehouse: Warehouse) -> str:
    """SQL for all columns with their comments."""
    return "duckdb_columns()" if warehouse.path else f"({_COMMENTED})"


def _columns_of_table(warehouse: Warehouse, table: str) -> Rows:
    schema, _, name = table.rpartition(".")
    return rows_of(
        warehouse,
        f"""
        select column_name, {_TYPE.format("data_type")}, comment
        from {_columns(warehouse)}
        where schema_name = {literal(schema or "main")} and table_name = {literal(name)}
        order by column_index
        """,
    )


def _columns_of_macro(warehouse: Warehouse, macro: str, parameters: list[str]) -> Rows:
    """The columns of a macro, with the comments of the table that shares the most of them."""
    given = rows_of(warehouse, f"from {identifier(macro)}({', '.join('null' for _ in parameters)})").columns
    names = ", ".join(
        f"({place}, {literal(name)}, {literal(kind)})" for place, (name, kind) in enumerate(given)
    )
    return rows_of(
        warehouse,
        f"""
        with given(place, column_name, data_type) as (values {names}),

        commented as (
            select
                table_name, column_name, data_type, comment,
                count(*) over (partition by table_name) as shared
            from {_columns(warehouse)} semi join given using (column_name, data_type)
            where schema_name = 'main'
        )

        select column_name, {_TYPE.format("data_type")}, max_by(comment, shared) as comment
        from given left join commented using (column_name, data_type)
        group by place, column_name, data_type
        order by place
        """,
    )
