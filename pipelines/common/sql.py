"""Writing and running SQL: where its files are, how values and names are quoted, and a transaction."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported late: quoting a name does not need it
    import duckdb

_installed = Path(__file__).parents[1] / "sql"
SQL_ROOT = _installed if _installed.is_dir() else Path(__file__).parents[2] / "sql"


def literal(value: str) -> str:
    """`value` as a string literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def transaction(connection: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """Run the block in a transaction."""
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
