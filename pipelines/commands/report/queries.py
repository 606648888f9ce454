"""The queries of the report, in `sql/queries/report`."""

from typing import NamedTuple, TypeVar

import duckdb

from pipelines.common.sql import read_sql
from pipelines.warehouse.reader import Warehouse

RowT = TypeVar("RowT", bound=NamedTuple)


def run_query(warehouse: Warehouse, name: str) -> duckdb.DuckDBPyConnection:
    """Run the query of that name."""
    return warehouse.db.execute(read_sql(f"queries/report/{name}"))


def read_rows(warehouse: Warehouse, name: str, row: type[RowT]) -> tuple[RowT, ...]:
    """Return the rows of the query of that name. The fields of `row` are the query's columns, in order."""
    return tuple(map(row._make, run_query(warehouse, name).fetchall()))
