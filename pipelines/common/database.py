"""The one place that opens DuckDB. Connections never download, install or print anything."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from pipelines.common.limits import physical_mb
from pipelines.common.sql import literal, read_sql

# A DuckDB file begins with three blocks: one that identifies it, and two that DuckDB writes alternately.
HEADERS_BYTES = 3 * 4096

# How DuckDB begins the message of an error that ends a query before its first rows.
_PENDING = "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result"

_CLOSED = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}


def open_database(
    path: Path | None = None,
    *,
    read_only: bool = False,
    settings: Mapping[str, str] | None = None,
    time_zone: str = "UTC",
) -> duckdb.DuckDBPyConnection:
    """Open the DuckDB file at `path`, or an empty database in memory, with times in `time_zone`.

    `settings` are added to those that lock the connection down. Raises duckdb.Error if the file is not a
    DuckDB file: for an SQLite file, DuckDB would otherwise download an extension.
    """
    db = duckdb.connect(
        ":memory:" if path is None else str(path), read_only=read_only, config={**_CLOSED, **(settings or {})}
    )
    # Neither can be set when the database is opened.
    db.execute(f"set TimeZone = {literal(time_zone)}")
    db.execute("set enable_progress_bar = false")
    return db


def hidden_builtins(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the names of DuckDB's own functions and types that the opened file hides.

    DuckDB looks up a name in the file first, so a macro there can change what SQL computes. A crafted file
    could switch off the neutralising of exports.
    """
    found = db.execute(read_sql("queries/hidden_builtins"))
    return [name for (name,) in found.fetchall()]


def doubled_memory_mb(memory_mb: int, error: duckdb.Error) -> int:
    """Twice a memory limit, to try again what ended with `error`.

    DuckDB spills to disk, except the strings of the few thousand rows that it works on. Their size is not
    known in advance. Raises OutOfMemoryException if the machine has no more memory, and `error` itself if it
    is about anything but memory.
    """
    if not is_out_of_memory(error):
        raise error
    if 2 * memory_mb > physical_mb():
        raise duckdb.OutOfMemoryException(str(error)) from None
    return 2 * memory_mb


def is_out_of_memory(error: duckdb.Error) -> bool:
    """Whether DuckDB ran out of memory, which it may report as an invalid input."""
    message = str(error)
    return isinstance(error, duckdb.OutOfMemoryException) or (
        message.startswith(_PENDING) and "Out of Memory Error" in message
    )
