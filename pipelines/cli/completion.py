"""Shell completion of names from the files of a home and from its warehouse.

A shell waits at every tab, so nothing here imports dlt, and only names from the warehouse need duckdb. What
cannot be read completes to nothing.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from click import Context, Parameter

from pipelines.cli.options import home_of
from pipelines.common.errors import ConfigurationError, SyncError
from pipelines.common.sql import SQL_ROOT
from pipelines.config.files import CONFIG, SECRETS, connections_in
from pipelines.transform.model import files_in

Completer = Callable[[Context, Parameter, str], list[str]]


def _completer(names_in: Callable[[Path], Iterator[str]]) -> Completer:
    """Complete from the names that `names_in` returns for the home."""

    def complete(context: Context, _parameter: Parameter, typed: str) -> list[str]:
        return sorted({name for name in names_in(home_of(context)) if name.startswith(typed)})

    return complete


def _connections_in(home: Path) -> Iterator[str]:
    for file in (CONFIG, SECRETS):
        with contextlib.suppress(ConfigurationError):
            yield from connections_in(home, file)
    for variable in os.environ:
        if variable.startswith("SOURCES__") and variable.count("__") == 2:
            yield variable.split("__")[1].lower()


def _models_in(home: Path, *layers: str) -> Iterator[str]:
    for root in (SQL_ROOT, home / "sql"):
        for layer in layers:
            yield from (path.stem for path in files_in(root / layer, "*.sql"))


def _reports_in(home: Path) -> Iterator[str]:
    return _models_in(home, "reports")


def _tables_in(home: Path) -> Iterator[str]:
    yield "raw.records"
    yield from _models_in(home, "marts", "macros")


def _providers_in(home: Path) -> Iterator[str]:
    for folder in (Path(__file__).parents[1] / "providers", home / "providers"):
        yield from (path.stem for path in files_in(folder, "[!_]*.py"))


def _in_warehouse(sql: str) -> Completer:
    """Complete from the values that `sql` finds in the warehouse of the home."""

    def names_in(home: Path) -> Iterator[str]:
        from pipelines.warehouse.published import open_published

        with contextlib.suppress(SyncError), open_published(home) as warehouse:
            yield from (name for (name,) in warehouse.db.execute(sql).fetchall())

    return _completer(names_in)


clients = _in_warehouse("select name from clients")
columns = _in_warehouse(
    "select column_name from duckdb_columns() where schema_name = 'main' and table_name = 'projects_history'"
)
connections = _completer(_connections_in)
providers = _completer(_providers_in)
reports = _completer(_reports_in)
tables = _completer(_tables_in)
