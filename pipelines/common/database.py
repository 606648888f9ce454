"""The one place that opens DuckDB. A connection fetches, installs and prints nothing."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

# A DuckDB file begins with three blocks: one that says what it is, and two that take turns.
HEADERS_BYTES = 3 * 4096

_CLOSED = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def open_database(
    path: Path | None = None, *, read_only: bool = False, settings: Mapping[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open the DuckDB file at `path`, or an empty database in memory, with times in UTC.

    `settings` are DuckDB's, beside those that close the connection. Raises duckdb.Error where the file is no
    DuckDB file: an SQLite file would otherwise make DuckDB fetch an extension.
    """
    connection = duckdb.connect(
        ":memory:" if path is None else str(path), read_only=read_only, config={**_CLOSED, **(settings or {})}
    )
    # Neither can be set as the database is opened.
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    return connection


def hidden_builtins(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Names of DuckDB's own functions and types that a macro or a type in the opened file hides.

    DuckDB looks a name up in the file first. SQL that does not expect this computes something else, so that a
    crafted file could switch off what an export neutralises.
    """
    # Every function is named in full here, and comparisons are no functions.
    found = connection.execute(
        """
        with functions as materialized (
            select system.main.lower(function_name) as name, internal from system.main.duckdb_functions()
        ),
        types as materialized (
            select system.main.lower(type_name) as name, internal from system.main.duckdb_types()
        )
        select name from functions where not internal and name in (select name from functions where internal)
        union
        select name from types where not internal and name in (select name from types where internal)
        order by name
        """
    )
    return [name for (name,) in found.fetchall()]
