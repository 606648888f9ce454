"""The queries of the report, in `sql/queries/report`."""

from datetime import datetime
from typing import NamedTuple, TypeVar

import duckdb

from pipelines.common.sql import SQL_ROOT, literal
from pipelines.warehouse.reader import Warehouse

RowT = TypeVar("RowT", bound=NamedTuple)


def run_query(warehouse: Warehouse, name: str) -> duckdb.DuckDBPyConnection:
    """Run the query of that name."""
    text = (SQL_ROOT / "queries" / "report" / f"{name}.sql").read_text(encoding="utf-8")
    return warehouse.connection.execute(text)


def read_rows(warehouse: Warehouse, name: str, row: type[RowT]) -> tuple[RowT, ...]:
    """Return the rows of the query of that name. The fields of `row` are the query's columns, in order."""
    return tuple(map(row._make, run_query(warehouse, name).fetchall()))


def set_variables(warehouse: Warehouse, **values: int | datetime) -> None:
    """Set variables that the queries read with `getvariable`. A datetime needs a time zone."""
    for name, value in values.items():
        sql = str(value) if isinstance(value, int) else f"timestamptz {literal(value.isoformat())}"
        warehouse.connection.execute(f"set variable {name} = {sql}")
