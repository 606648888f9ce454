"""The warehouse file: locked for one run, drafted in a scratch directory, published by a rename.

Only this layer, `load.merge` and `transform` know which engine holds the tables.
"""

import contextlib
import errno
import filecmp
import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import duckdb

from pipelines.common.database import HEADERS_BYTES, hidden_builtins, open_database
from pipelines.common.errors import ConfigurationError, RunInProgress, SyncError, UsageError, WarehouseError
from pipelines.common.filesystem import (
    DISK_ERRORS,
    LACKING,
    disk_failure,
    elsewhere,
    link_or_copy,
    locked_file,
    set_mode,
    sync,
)
from pipelines.common.limits import physical_mb
from pipelines.common.sql import SQL_ROOT, identifier, literal, transaction
from pipelines.transform.incremental import forget_build
from pipelines.warehouse.paths import previous_path, recovery_hint, wal_path
from pipelines.warehouse.reader import read_every_value

T = TypeVar("T")

# Every DuckDB from 1.4 on can write and read this.
STORAGE_VERSION = "v1.4.0"
# A copy is rewritten if more than half of it, and at least this much, is free space.
COMPACT_FROM_BYTES = 32 << 20
# A tenth of DuckDB's default. A thread holds a group in memory until it is written. Smaller groups make a
# larger file; with larger ones, the last checkpoint rewrites the incomplete groups of two threads.
ROWS_PER_GROUP = 12_288
# What a thread of DuckDB needs to write such groups with rows of a thousand bytes.
MB_PER_THREAD = 150
# Fewer are not worth another thread.
RECORDS_PER_THREAD = 8 * ROWS_PER_GROUP
UNFIT = "%?"  # dlt uses paths as format strings, and DuckDB reads the part after a ? as options


@contextlib.contextmanager
def locked(warehouse: Path) -> Iterator[Path]:
    """Hold the warehouse's lock, with a new private scratch directory.

    The kernel releases the lock when its holder dies, so all scratch directories found then belong to dead
    runs. Raises RunInProgress if the lock is held, WarehouseError if the directory is not writable, and
    SyncError if the block fails because of the disk or the file system.
    """
    workshop = warehouse.parent / ".rollcall"
    with contextlib.ExitStack() as held:
        held.enter_context(_system_errors_as_sync_errors(warehouse))
        _refuse_unfit(warehouse)
        _refuse_read_only(warehouse.parent)
        workshop.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_link(workshop)
        _refuse_read_only(workshop)
        try:
            held.enter_context(locked_file(workshop / f"{warehouse.name}.lock"))
        except BlockingIOError:
            raise RunInProgress(
                f"another run is in progress for {warehouse}", "wait for it to end, then try again"
            ) from None
        prefix = f"{warehouse.name}-run-"
        for dead in workshop.glob(f"{glob.escape(prefix)}*"):
            clear(dead)
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=workshop))
        held.callback(clear, scratch)
        yield scratch


def clear(scratch: Path) -> None:
    """Remove a scratch directory as far as possible; the next run tries again."""
    with contextlib.suppress(OSError):
        shutil.rmtree(scratch, ignore_errors=True)


def draft_path(warehouse: Path, scratch: Path) -> Path:
    """The path of the draft in the scratch directory."""
    return scratch / warehouse.name


def _refuse_unfit(warehouse: Path) -> None:
    if unfit := [character for character in UNFIT if character in str(warehouse)]:
        raise ConfigurationError(
            f"the path of {warehouse} contains {' and '.join(unfit)}, which dlt or DuckDB misreads",
            f"give it another name, or {elsewhere()}",
        )


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise WarehouseError(f"{path} is a symbolic link, which is not followed", "remove it, then try again")


def draft(warehouse: Path, scratch: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Open a copy of the published warehouse to work on, or a new one if none is published yet.

    If another program has written to the published file, every table is rebuilt. The write-ahead log, which
    only another program can have left, is not copied. Raises WarehouseError if the published file is damaged
    or from a newer Rollcall, or if only a previous file exists.
    """
    copy = draft_path(warehouse, scratch)
    published = copy.with_name(f"{copy.name}.published")
    connection = _start(copy, memory_mb)
    is_altered = is_older = False
    try:
        if warehouse.exists():
            shutil.copyfile(warehouse, published)
            is_altered = not _is_as_published(published, warehouse)
            with readable(connection, published, warehouse, recovery_hint(warehouse)):
                is_older = _is_older(connection, warehouse)
                is_rewritten = is_older or _is_unfit_to_keep(connection)
            if not is_rewritten:
                published.rename(copy)
        elif previous_path(warehouse).exists():
            raise WarehouseError(
                f"there is no warehouse at {warehouse}, but the previous run's file exists",
                f"run `rollcall restore`, or move {previous_path(warehouse)} away to start a new history",
            )
        _attach(connection, copy)
        connection.execute((SQL_ROOT / "raw.sql").read_text())
        if published.exists():
            retry_with_more_memory(connection, memory_mb, lambda: _take_over(connection, published))
            if is_older:
                upgrade = (SQL_ROOT / "upgrade.sql").read_text()
                retry_with_more_memory(connection, memory_mb, lambda: connection.execute(upgrade))
            connection.execute(f"set memory_limit = '{memory_mb}MB'")
            published.unlink()
            is_altered = True
        if is_altered:
            forget_build(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Open a draft for writing; times are UTC, and nothing is fetched from anywhere.

    DuckDB spills to a directory next to the draft; see `retry_with_more_memory`.
    """
    connection = _start(path, memory_mb)
    _attach(connection, path)
    return connection


def _start(path: Path, memory_mb: int) -> duckdb.DuckDBPyConnection:
    """Start DuckDB for the draft at `path`, which is not opened yet."""
    return open_database(
        settings={
            "temp_directory": str(path.with_suffix(".spill")),
            "memory_limit": f"{memory_mb}MB",
            "threads": str(min(os.cpu_count() or 1, max(1, memory_mb // MB_PER_THREAD))),
        }
    )


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(
        f"attach {literal(str(path))} as draft "
        f"(storage_version '{STORAGE_VERSION}', row_group_size {ROWS_PER_GROUP})"
    )
    connection.execute("use draft")


def use_threads(connection: duckdb.DuckDBPyConnection, records: int) -> None:
    """Set the number of threads that work on so many records is worth, up to those that `connect` allows."""
    row = connection.execute("select current_setting('threads')").fetchone()
    assert row is not None
    connection.execute(f"set threads = {min(row[0], 1 + records // RECORDS_PER_THREAD)}")


def retry_with_more_memory(connection: duckdb.DuckDBPyConnection, memory_mb: int, work: Callable[[], T]) -> T:
    """Run `work` in a transaction; retry with twice the memory while it runs out of memory.

    DuckDB spills to disk, except the strings of the few thousand rows that it works on. Their size is not
    known in advance. Raises OutOfMemoryException if the machine has no more memory.
    """
    most_mb = physical_mb()
    while True:
        try:
            return work()
        except duckdb.OutOfMemoryException:
            memory_mb *= 2
            if memory_mb > most_mb:
                raise
            connection.execute(f"set memory_limit = '{memory_mb}MB'")


def rewritten(facts: Path, scratch: Path, memory_mb: int) -> Path:
    """Create a file in `scratch` with only the facts of another; its published tables are not built yet."""
    candidate = scratch / f"rewritten-{facts.name}"
    with connect(candidate, memory_mb) as connection:
        connection.execute((SQL_ROOT / "raw.sql").read_text())
        retry_with_more_memory(connection, memory_mb, lambda: _take_over(connection, facts, facts_only=True))
    return candidate


def publish(candidate: Path, warehouse: Path, *, forgetting: bool = False) -> tuple[str, ...]:
    """Publish `candidate` and keep the previous file. Readers see the old file or the new one.

    `candidate` must be closed, and be on the same file system. With `forgetting`, it first replaces the
    previous file too, so that nothing of the old files remains. Returns a line for each failure after
    publication.
    """
    _verify(candidate)
    set_mode(candidate, 0o600)
    sync(candidate)
    if warehouse.exists():
        spare = candidate.with_name("previous")
        if forgetting:
            shutil.copyfile(candidate, spare)
            set_mode(spare, 0o600)
            sync(spare)
            wal_path(previous_path(warehouse)).unlink(missing_ok=True)
        else:
            link_or_copy(warehouse, spare)
        spare.replace(previous_path(warehouse))
    # A write-ahead log of the previous file would make the new one unreadable.
    wal_path(warehouse).unlink(missing_ok=True)
    candidate.replace(warehouse)
    _note_published(warehouse)
    return _sync_published(warehouse)


def put_back(source: Path, warehouse: Path, scratch: Path, aside: Path) -> tuple[str, ...]:
    """Publish a copy of `source`; the file that it replaces is kept as `aside`.

    `scratch` and `aside` are on the same file system. Returns a line for each failure after publication.
    Raises WarehouseError if `source` cannot be read, UsageError if it is already published.
    """
    copy = draft_path(warehouse, scratch)
    shutil.copyfile(source, copy)
    with (
        open_database() as connection,
        readable(connection, copy, source, f"put a copy of your own at {warehouse}"),
    ):
        set_mode(copy, 0o600)
    sync(copy)
    if warehouse.exists():
        if not wal_path(warehouse).exists() and filecmp.cmp(copy, warehouse, shallow=False):
            raise UsageError(f"{warehouse} is already the same as {source}", "there is nothing to restore")
        spare = scratch / "aside"
        link_or_copy(warehouse, spare)
        spare.replace(aside)
    if wal_path(warehouse).exists():
        wal_path(warehouse).replace(wal_path(aside))
    copy.replace(warehouse)
    return _sync_published(warehouse)


def _sync_published(warehouse: Path) -> tuple[str, ...]:
    """Sync the directory. Readers already have the new file, so a failure here is only reported."""
    try:
        sync(warehouse.parent)
    except OSError as error:
        return (
            f"{warehouse} is published, but a power failure may lose it: its directory could not be "
            f"written to disk ({error.strerror})",
        )
    return ()


def _refuse_read_only(directory: Path) -> None:
    """Fail now if the directory is not writable, not when the run publishes."""
    if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
        raise WarehouseError(
            f"{directory} is not writable", "run this as its owner, on a disk that is not read-only"
        )


@contextlib.contextmanager
def _system_errors_as_sync_errors(warehouse: Path) -> Iterator[None]:
    """Turn errors of the disk, of a missing call or of too little memory into a SyncError."""
    try:
        yield
    except SyncError:
        raise
    except duckdb.OutOfMemoryException as error:
        raise SyncError(
            "DuckDB needs more memory than is available",
            "add memory, or drop long fields with drop_fields; the published warehouse is intact",
        ) from error
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            for number in DISK_ERRORS:
                if os.strerror(number) in str(cause):
                    raise disk_failure(warehouse, number) from error
            if isinstance(cause, OSError) and cause.errno in LACKING and cause.errno != errno.EACCES:
                raise WarehouseError(
                    f"the file system of {warehouse.parent} lacks a call that a run needs ({cause.strerror})",
                    elsewhere(),
                ) from error
            cause = cause.__cause__ or cause.__context__
        raise


def _verify(candidate: Path) -> None:
    if wal_path(candidate).exists():
        raise WarehouseError(f"{candidate.name} was not written completely", "run it again")
    with open_database(candidate, read_only=True) as connection:
        connection.execute("select count(*) from raw.records").fetchone()
        connection.execute("select count(*) from projects").fetchone()


@contextlib.contextmanager
def readable(
    connection: duckdb.DuckDBPyConnection, copy: Path, original: Path, remedy: str
) -> Iterator[None]:
    """Attach a copy of the file `original` as `published` while the block runs.

    Raises WarehouseError if a value cannot be read. A run reads few of its blocks but copies all of them, so
    damage would be published again, and then become the previous file.
    """
    try:
        connection.execute(f"attach {literal(str(copy))} as published (read_only)")
        read_every_value(connection)
        yield
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].replace(str(copy), str(original))
        raise WarehouseError(f"{original} cannot be read ({reason})", remedy) from None
    connection.execute("detach published")


def is_to_be_rewritten(copy: Path, warehouse: Path) -> bool:
    """Whether a run must continue with a new file instead of `copy`, a copy of the published one or itself.

    Reads every value. Raises WarehouseError if one cannot be read, or a newer Rollcall wrote the file.
    """
    with open_database() as connection, readable(connection, copy, warehouse, recovery_hint(warehouse)):
        return (
            _is_older(connection, warehouse) or _is_wasteful(connection) or bool(hidden_builtins(connection))
        )


def _is_older(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Whether the facts in `published` lack columns, because an earlier Rollcall kept fewer.

    Raises WarehouseError if they have unknown columns, which would be lost.
    """
    connection.execute("attach ':memory:' as empty; use empty")
    connection.execute((SQL_ROOT / "raw.sql").read_text())
    known, held = _columns_of_facts(connection, "empty"), _columns_of_facts(connection, "published")
    connection.execute("use memory; detach empty")
    if held - known:
        raise WarehouseError(
            f"{warehouse} was written by a newer Rollcall",
            "install the one that wrote it, or put a copy from before it there",
        )
    return bool(known - held)


def _columns_of_facts(connection: duckdb.DuckDBPyConnection, database: str) -> set[tuple[str, str, str]]:
    """Table, name and type of each column of the facts."""
    return set(
        connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = $1 and schema_name = 'raw'",
            [database],
        ).fetchall()
    )


def _is_unfit_to_keep(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether much of `published` is free space, or it has macros that Rollcall's own SQL would call."""
    return _is_wasteful(connection) or bool(hidden_builtins(connection))


def _is_wasteful(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether much of the file is free space."""
    row = connection.execute(
        "select free_blocks * block_size, used_blocks * block_size from pragma_database_size() "
        "where database_name = 'published'"
    ).fetchone()
    assert row is not None
    free, used = row
    return bool(free > max(used, COMPACT_FROM_BYTES))


def _take_over(connection: duckdb.DuckDBPyConnection, file: Path, *, facts_only: bool = False) -> None:
    """Copy the tables and views of another file, also a user's own, without the free space.

    Skips macros: those of a user come from `sql/macros`.
    """
    connection.execute(f"attach if not exists {literal(str(file))} as published (read_only)")
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'published' "
        "and (schema_name = 'raw' or not $1)",
        [facts_only],
    ).fetchall()
    with transaction(connection):
        for schema, table in tables:
            name = f"{identifier(schema)}.{identifier(table)}"
            if schema == "raw":
                connection.execute(f"insert into {name} by name from published.{name}")
                continue
            connection.execute(f"create schema if not exists {identifier(schema)}")
            connection.execute(f"create table {name} as from published.{name}")
    if not facts_only:
        views = connection.execute(
            "select sql from duckdb_views() where database_name = 'published' and not internal "
            "and schema_name <> 'staging' order by view_oid"
        ).fetchall()
        for (statement,) in views:
            # A view of a table that no longer exists cannot be created, nor could it be read.
            with contextlib.suppress(duckdb.Error):
                connection.execute(statement)
    connection.execute("detach published")


def _is_as_published(copy: Path, warehouse: Path) -> bool:
    """Whether only runs have written to the published file, of which `copy` is a copy."""
    try:
        return _note_of(warehouse).read_text(encoding="utf-8") == _fingerprint(copy)
    except (OSError, UnicodeDecodeError):
        return False


def _note_published(warehouse: Path) -> None:
    """Record what was published. If a run is killed before this, the next one rebuilds the tables."""
    with contextlib.suppress(OSError):
        _note_of(warehouse).write_text(_fingerprint(warehouse), encoding="utf-8")


def _note_of(warehouse: Path) -> Path:
    return warehouse.parent / ".rollcall" / f"{warehouse.name}.fingerprint"


def _fingerprint(file: Path) -> str:
    """A mark that changes whenever DuckDB writes to a file: its size, and its headers, which count writes."""
    with file.open("rb") as opened:
        headers = opened.read(HEADERS_BYTES)
    return f"{file.stat().st_size} {hashlib.sha256(headers).hexdigest()}"
