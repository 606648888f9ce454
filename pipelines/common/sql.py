"""Writing and running SQL: its files, how values and names are quoted, and a transaction."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # imported late: quoting a name does not need it
    import duckdb

_installed = Path(__file__).parents[1] / "sql"
SQL_ROOT = _installed if _installed.is_dir() else Path(__file__).parents[2] / "sql"


def read_sql(name: str, **fragments: str) -> str:
    """The SQL in a file of `sql/`, such as `queries/why`, with a fragment of SQL for each `{{ name }}` in it.

    Fragments are SQL, never values: pass values as parameters, `$name`, when the SQL is executed.
    """
    sql = (SQL_ROOT / f"{name}.sql").read_text(encoding="utf-8")
    return re.sub(r"\{\{ (\w+) \}\}", lambda placeholder: fragments[placeholder[1]], sql)


def literal(value: str) -> str:
    """`value` as a string literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def set_variables(
    db: "duckdb.DuckDBPyConnection", /, **values: str | int | datetime | Sequence[str] | None
) -> None:
    """Set variables that SQL reads with `getvariable`. A datetime needs a time zone."""
    for name, value in values.items():
        db.execute(f"set variable {name} = $1", [value])


@contextlib.contextmanager
def transaction(db: "duckdb.DuckDBPyConnection") -> Iterator[None]:
    """Run the block in a transaction: commit at its end, roll back on any exception."""
    db.begin()
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):  # it fails if a server of the database is lost
            db.rollback()
        raise
    db.commit()
