"""`rollcall describe`: tables and columns with their comments, read from the database."""

from dataclasses import dataclass

from pipelines.common.errors import UsageError
from pipelines.common.sql import identifier, literal, read_sql
from pipelines.common.suggest import nearest
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.published import columns_sql
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Description:
    """A table's or macro's own comment, and a row for each of its columns: name, type and comment."""

    name: str
    comment: str | None
    columns: Rows


def describe_all(warehouse: Warehouse) -> Rows:
    """A row for each table, and each macro that gives one: name, number of rows, comment."""
    relations, macros = (read_sql(f"queries/describe/{name}") for name in ("relations", "macros"))
    sql = read_sql("queries/describe/all", relations=relations, macros=macros, counts=_counts(warehouse))
    return rows_of(warehouse, sql)


def _counts(warehouse: Warehouse) -> str:
    """SQL for the number of rows of each published table or view: the catalog only estimates it."""
    return (
        " union all ".join(
            f"select {literal(name)} as table_name, count(*) as rows from main.{identifier(name)}"
            for schema, name, _ in _relations(warehouse)
            if schema == "main"
        )
        or "select null as table_name, 0 as rows where false"
    )


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
    return {
        name if schema == "main" else f"{schema}.{name}": comment
        for schema, name, comment in _relations(warehouse)
    }


def _relations(warehouse: Warehouse) -> list[tuple[str, str, str | None]]:
    return warehouse.db.execute(read_sql("queries/describe/relations")).fetchall()


def _macros(warehouse: Warehouse) -> dict[str, tuple[list[str], str | None]]:
    found = warehouse.db.execute(read_sql("queries/describe/macros")).fetchall()
    return {name: (parameters, comment) for name, parameters, comment in found}


def _columns_of_table(warehouse: Warehouse, table: str) -> Rows:
    schema, _, name = table.rpartition(".")
    sql = read_sql("queries/describe/table", columns=columns_sql(warehouse))
    return rows_of(warehouse, sql, {"schema": schema or "main", "name": name})


def _columns_of_macro(warehouse: Warehouse, macro: str, parameters: list[str]) -> Rows:
    """The columns of a macro, with the comments of the table that shares the most of them."""
    given = rows_of(warehouse, f"from {identifier(macro)}({', '.join('null' for _ in parameters)})").columns
    sql = read_sql("queries/describe/macro", columns=columns_sql(warehouse))
    names, types = map(list, zip(*given, strict=True))
    return rows_of(warehouse, sql, {"names": names, "types": types})
