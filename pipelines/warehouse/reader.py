"""The published warehouse, open for reading only.

In DuckDB's own read-only mode, SQL can still write files, read any file and use the network. Here it can do
none of these, nor change settings, and its time, memory and disk space are limited.
"""

import contextlib
import errno
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from pipelines.common.database import HEADERS_BYTES, hidden_builtins, open_database
from pipelines.common.errors import SyncError, UsageError, WarehouseError
from pipelines.common.files import private_folder
from pipelines.common.filesystem import refused_to_read
from pipelines.common.limits import Clock, bounded_files, bounded_memory, bounded_time, physical_mb
from pipelines.common.sql import identifier, literal
from pipelines.warehouse.paths import previous_path, recovery_hint, wal_path

# Enough to sort a million projects; larger sorts spill to disk.
MEMORY_MB = min(2048, physical_mb() // 2)
# DuckDB's own limit does not count the result of a function, such as repeat('x', 3000000000).
PROCESS_MEMORY_MB = 1024 + MEMORY_MB
SPILL_GB = 10
# A result must not fill the disk that the next run needs: at most this much, and half of the free space.
LARGEST_FILE_MB = SPILL_GB << 10

BOUNDS = {
    "max_temp_directory_size": f"{SPILL_GB}GB",
    "memory_limit": f"{MEMORY_MB}MB",
    "threads": str(min(4, os.cpu_count() or 1)),
}


@dataclass(frozen=True)
class Warehouse:
    """The published warehouse, open.

    `name` is what messages call it. `workspace` is private, and the only directory that SQL can write to.
    `path` is its file; a lakehouse has none.
    """

    name: str
    db: duckdb.DuckDBPyConnection
    workspace: Path
    clock: Clock
    path: Path | None = None


@contextlib.contextmanager
def open_warehouse(
    path: Path,
    *,
    seconds: float | None = None,
    workspace_in: Path | None = None,
    time_zone: str = "UTC",
) -> Iterator[Warehouse]:
    """Open the warehouse at `path` for as long as the block runs, or until it has run for `seconds`.

    Times have the offset of `time_zone` (IANA), and times in SQL without an offset are in it.

    The workspace is created in `workspace_in` (created if missing) or among the temporary files, and removed
    afterwards. Raises WarehouseError if the file is missing or cannot be read, UsageError if a limit is
    exceeded.
    """
    refuse_missing(path)
    with reading(
        str(path),
        functools.partial(_connect, path, time_zone),
        functools.partial(_unreadable, path),
        seconds=seconds,
        workspace_in=workspace_in,
    ) as warehouse:
        yield replace(warehouse, path=path)


@contextlib.contextmanager
def reading(
    name: str,
    connect: Callable[[Path], duckdb.DuckDBPyConnection],
    unreadable: Callable[[duckdb.Error], SyncError],
    *,
    seconds: float | None,
    workspace_in: Path | None,
) -> Iterator[Warehouse]:
    """Limit the block, which reads from the database that `connect` opens with a workspace.

    `unreadable` translates an error of DuckDB's that the SQL has not caused.
    """
    if workspace_in is not None:
        private_folder(workspace_in)
    with (
        tempfile.TemporaryDirectory(prefix=".rollcall-", dir=workspace_in) as directory,
        bounded_memory(PROCESS_MEMORY_MB),
    ):
        workspace, clock = Path(directory).resolve(), Clock(seconds)
        largest_mb = min(LARGEST_FILE_MB, shutil.disk_usage(workspace).free >> 21)
        db = connect(workspace)
        tidy = functools.partial(shutil.rmtree, workspace, ignore_errors=True)
        with (
            _translated(unreadable, largest_mb),
            bounded_time(db, clock, tidy),
            bounded_files(largest_mb),
        ):
            yield Warehouse(name, db, workspace, clock)


def is_missing(path: Path) -> bool:
    """Whether there is no file at `path`. Raises WarehouseError if this user may not look there."""
    try:
        path.stat()
    except PermissionError:
        raise refused_to_read(path) from None
    except OSError:
        return True
    return False


def refuse_missing(path: Path) -> None:
    """Raise WarehouseError if there is no warehouse at `path`."""
    if not is_missing(path):
        return
    if previous_path(path).exists():
        raise WarehouseError(f"there is no warehouse at {path}", recovery_hint(path))
    raise WarehouseError(
        f"there is no warehouse at {path} yet", "run `rollcall sync`, or `rollcall demo` to see one"
    )


def _connect(path: Path, time_zone: str, workspace: Path) -> duckdb.DuckDBPyConnection:
    try:
        db = open_database(
            path,
            read_only=True,
            settings=BOUNDS | {"temp_directory": str(workspace)},
            time_zone=time_zone,
        )
    except duckdb.Error as error:
        raise _unreadable(path, error) from None
    if wal_path(path).exists():
        db.close()
        raise _written_to(path)
    if hidden := hidden_builtins(db):
        db.close()
        raise WarehouseError(
            f"{path} contains a macro or type that hides DuckDB's own {hidden[0]}",
            "drop it, or run `rollcall sync`, which removes it",
        )
    _refuse_cut(db, path)
    close_session(db, f"{workspace}/")
    return db


def close_session(db: duckdb.DuckDBPyConnection, *places: str) -> None:
    """Let SQL read and write only below `places`, which end with a slash, and change no setting."""
    # These are settings of a running database; the last one is the lock on all of them.
    db.execute(f"set allowed_directories = [{', '.join(map(literal, places))}]")
    db.execute("set enable_external_access = false")
    db.execute("set lock_configuration = true")


def _refuse_cut(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Raise WarehouseError if a used part of the file is missing, even if no query reads it.

    A file may lack free blocks, which DuckDB cuts off at its end. So a file that is smaller than its blocks
    is read completely.
    """
    row = db.execute("select total_blocks * block_size from pragma_database_size()").fetchone()
    assert row is not None
    if path.stat().st_size < HEADERS_BYTES + row[0]:
        try:
            read_every_value(db)
        except duckdb.Error as error:
            db.close()
            raise _unreadable(path, error) from None


def read_every_value(db: duckdb.DuckDBPyConnection) -> None:
    """Read all tables completely. Raises duckdb.Error if a block is missing or damaged.

    DuckDB checks the checksum of a block when it reads it.
    """
    tables = db.execute(
        "select database_name, schema_name, table_name from duckdb_tables() where not internal"
    ).fetchall()
    for names in tables:
        table = ".".join(map(identifier, names))
        db.execute(f"select bit_xor(hash(t)) from {table} as t").fetchone()


def _unreadable(path: Path, error: duckdb.Error) -> WarehouseError:
    message = str(error)
    if is_refused(error):
        return refused_to_read(path)
    if "Could not set lock" in message:
        holder = re.search(r"PID \d+", message)
        return WarehouseError(
            f"another program has {path} open for writing ({holder[0] if holder else 'unknown'})",
            "close it there; to read it during a run, open it read-only",
        )
    if wal_path(path).exists():
        return _written_to(path)
    if re.search("created with an? newer version of DuckDB", message):
        older = f", or {recovery_hint(path)}" if previous_path(path).exists() else ""
        return WarehouseError(
            f"{path} was written by a newer DuckDB than {duckdb.__version__}",
            f"upgrade the package duckdb{older}",
        )
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
        return WarehouseError(
            f"tables of {path} are missing, or are those of another version ({first_line(error)})",
            "run `rollcall sync`, which builds them again from the history",
        )
    return WarehouseError(f"{path} cannot be read ({first_line(error)})", recovery_hint(path))


def _written_to(path: Path) -> WarehouseError:
    """The error for a write-ahead log: DuckDB would read it, but no run has written it."""
    return WarehouseError(
        f"another program has written to {path} and left {wal_path(path).name} behind",
        "run `rollcall sync`, which discards it, or `rollcall restore`",
    )


def is_refused(error: duckdb.Error) -> bool:
    """Whether this user may not open the file."""
    return str(error).rstrip().endswith(os.strerror(errno.EACCES))


def is_damage(error: duckdb.Error) -> bool:
    """Whether a block of the file is missing or differs from what was written.

    SQL cannot raise an error that begins like these, because DuckDB puts its kind before its text.
    """
    message = str(error).removeprefix("IO Error: ")
    return message.startswith(("Corrupt database file", "Could not read enough"))


def exceeds_file_limit(error: duckdb.Error | OSError) -> bool:
    """Whether a result exceeded the limit for one file."""
    return os.strerror(errno.EFBIG) in str(error)


def first_line(error: Exception) -> str:
    """DuckDB's error message with its suggestion, without the excerpt of the SQL."""
    message = str(error).split("\n\n", 1)[0]
    return " ".join(line.strip() for line in message.splitlines() if line.strip())


def needs_memory() -> UsageError:
    """The error for a result that exceeds the memory limit."""
    return UsageError(
        f"the result needs more memory than the {MEMORY_MB} MB allowed", "ask for fewer rows or columns"
    )


def _too_large(largest_mb: int) -> UsageError:
    """The error for a result that exceeds the limit for one file, or half of the free disk space."""
    if largest_mb < LARGEST_FILE_MB:
        return UsageError(
            f"the result is larger than {largest_mb:,} MB, half of the free disk space",
            "free some space, or ask for fewer rows or columns",
        )
    return UsageError(
        f"the result is larger than the {largest_mb:,} MB that one file may have",
        "ask for fewer rows or columns",
    )


@contextlib.contextmanager
def _translated(unreadable: Callable[[duckdb.Error], SyncError], largest_mb: int) -> Iterator[None]:
    """Turn DuckDB's errors that are not caused by the SQL into errors that say what to do."""
    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError):
        raise needs_memory() from None
    except (duckdb.Error, OSError) as error:
        if exceeds_file_limit(error):
            raise _too_large(largest_mb) from None
        if isinstance(error, OSError):
            raise
        raise unreadable(error) from None
    except RuntimeError as error:
        # How DuckDB's package reports Ctrl-C.
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise
