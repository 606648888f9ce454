"""The published warehouse, open for reading and closed to all else.

DuckDB's read-only mode alone still lets SQL write files, read any file and reach the network. Here it can do
neither, nor change a setting, and it is bounded in time, memory and disk. Its own limit of memory does not
count what a function makes of one value (`repeat('x', 3000000000)`), so the process's memory is capped too.
"""

import contextlib
import os
import re
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import duckdb

from pipelines.cells import literal
from pipelines.deliver import private_folder
from pipelines.errors import SyncError, UsageError, WarehouseError

MEMORY_MB = 1024
PROCESS_MEMORY_MB = 3 * MEMORY_MB
SPILL_GB = 10
# How long an interrupted query may take to notice.
GRACE_S = 2.0

_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "max_temp_directory_size": f"{SPILL_GB}GB",
    "memory_limit": f"{MEMORY_MB}MB",
    "python_enable_replacements": "false",
    "threads": str(min(4, os.cpu_count() or 1)),
}


@dataclass(frozen=True)
class Warehouse:
    """The published warehouse, open. `workspace` is private, and the only directory that SQL can write to."""

    path: Path
    connection: duckdb.DuckDBPyConnection
    workspace: Path


@contextlib.contextmanager
def open_warehouse(
    path: Path, *, seconds: float | None = None, workspace_in: Path | None = None
) -> Iterator[Warehouse]:
    """Open the warehouse at `path` for as long as the block runs, or `seconds`.

    The workspace is made in `workspace_in`, itself made where it is missing, or where temporary files go, and
    removed afterwards. Raises WarehouseError where the file is missing or cannot be read, UsageError where a
    limit is exceeded.
    """
    if not path.exists():
        raise WarehouseError(
            f"there is no warehouse at {path} yet", "run `rollcall sync`, or `rollcall demo` to see one"
        )
    if workspace_in is not None:
        private_folder(workspace_in)
    with tempfile.TemporaryDirectory(prefix=".rollcall-", dir=workspace_in) as directory, _memory_capped():
        workspace = Path(directory).resolve()
        with _connect(path, workspace) as connection:
            warehouse = Warehouse(path, connection, workspace)
            with _translated(path), _ended_after(seconds, warehouse):
                yield warehouse


def _connect(path: Path, workspace: Path) -> duckdb.DuckDBPyConnection:
    try:
        connection = duckdb.connect(
            str(path), read_only=True, config=_CLOSED | {"temp_directory": str(workspace)}
        )
    except duckdb.Error as error:
        raise _unreadable(path, error) from None
    # These are settings of a running database; the last one is the lock on all of them.
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"set allowed_directories = [{literal(f'{workspace}/')}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def _unreadable(path: Path, error: duckdb.Error) -> WarehouseError:
    message = str(error)
    if "Could not set lock" in message:
        holder = re.search(r"PID \d+", message)
        return WarehouseError(
            f"another program has {path} open for writing ({holder[0] if holder else 'unknown'})",
            "close it there; to read beside a night, open it read-only",
        )
    if "created with a newer version of DuckDB" in message:
        return WarehouseError(
            f"{path} was written by a newer DuckDB than {duckdb.__version__}", "upgrade the package duckdb"
        )
    # Imported late: it brings the models with it, which no reading verb needs.
    from pipelines.warehouse import former_of

    former = former_of(path)
    return WarehouseError(
        f"{path} cannot be read ({first_line(error)})",
        f"put the former night back: mv {former} {path}" if former.exists() else "run `rollcall doctor`",
    )


def first_line(error: Exception) -> str:
    """What DuckDB says of an error, with what it suggests, without the excerpt of the SQL."""
    said = str(error).split("\n\n", 1)[0]
    return " ".join(line.strip() for line in said.splitlines() if line.strip())


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what DuckDB raises for reasons other than the SQL into an error that says what to do."""
    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError):
        raise UsageError(
            f"the answer needs more memory than the {MEMORY_MB} MB allowed", "ask for fewer rows or columns"
        ) from None
    except duckdb.Error as error:
        raise _unreadable(path, error) from None
    except RuntimeError as error:
        # What DuckDB's package makes of Ctrl-C.
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from None
        raise


@contextlib.contextmanager
def _memory_capped() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    cap = PROCESS_MEMORY_MB << 20
    for limit in (soft, hard):
        if limit != resource.RLIM_INFINITY:
            cap = min(cap, limit)
    resource.setrlimit(resource.RLIMIT_DATA, (cap, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


@contextlib.contextmanager
def _ended_after(seconds: float | None, warehouse: Warehouse) -> Iterator[None]:
    """Interrupt what runs after `seconds`, and raise UsageError then."""
    if seconds is None:
        yield
        return
    done, overdue = threading.Event(), threading.Event()
    error = UsageError(f"the query took longer than {seconds:g} s", "narrow it, or allow more with --timeout")

    def watch() -> None:
        if done.wait(seconds):
            return
        overdue.set()
        ends = time.monotonic() + GRACE_S
        # An interrupt between two queries is forgotten: hence more than one.
        while not done.wait(0.05):
            warehouse.connection.interrupt()
            if time.monotonic() > ends:
                _leave(error, warehouse)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except (duckdb.Error, SyncError):
        # DuckDB has more than one exception for an answer that was interrupted.
        if overdue.is_set():
            raise error from None
        raise
    finally:
        done.set()
        watcher.join()


def _leave(error: SyncError, warehouse: Warehouse) -> NoReturn:
    """End the process: DuckDB looks for interrupts between rows, and one value can keep it for hours."""
    shutil.rmtree(warehouse.workspace, ignore_errors=True)
    sys.stderr.write(f"rollcall: {error}\n")
    sys.stderr.flush()
    os._exit(error.exit_code)
