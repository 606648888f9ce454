"""The warehouse file: locked for one night, drafted in a scratch directory, published by a rename.

Nothing but this module and `remember` and `models` knows which engine holds the tables.
"""

import contextlib
import errno
import fcntl
import filecmp
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO, TypeVar

import duckdb

from pipelines.beside import former_of, log_of, way_back
from pipelines.bounds import physical_mb
from pipelines.deliver import sync
from pipelines.errors import NightRunning, SyncError, UsageError, WarehouseError
from pipelines.models import SQL_ROOT, transaction
from pipelines.reading import read_every_value
from pipelines.settings import MEMORY_MB

T = TypeVar("T")

# Written by every DuckDB from 1.4 on, and read by every shell from 1.4 on.
STORAGE_VERSION = "v1.4.0"
# A copy is rewritten when more than half of it, and at least this much, is free space.
COMPACT_FROM_BYTES = 32 << 20
# A tenth of DuckDB's own: what a thread writes at once, and holds until then. Smaller ones make a larger
# file; of larger ones what two threads leave over is written again by the last checkpoint.
ROWS_PER_GROUP = 12_288
# What a thread of DuckDB's wants to write such groups of rows of a thousand bytes, and not ask for more.
MB_PER_THREAD = 150
# Fewer are not worth being shared.
RECORDS_PER_THREAD = 8 * ROWS_PER_GROUP
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextlib.contextmanager
def locked(warehouse: Path) -> Iterator[Path]:
    """Hold the warehouse's lock, with a new private scratch directory.

    The kernel lets go of the lock when its holder dies, so whatever scratch is found then is of dead nights.
    Raises NightRunning where it is held, WarehouseError where nothing may be written there, and SyncError
    where the block fails for the disk.
    """
    workshop = warehouse.parent / ".rollcall"
    with contextlib.ExitStack() as held:
        held.enter_context(_blaming_machine(warehouse))
        _refuse_read_only(warehouse.parent)
        workshop.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_link(workshop)
        lock = held.enter_context(_open_lock(workshop / f"{warehouse.name}.lock"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NightRunning(
                f"another night is running for {warehouse}", "wait for it to end, then try again"
            ) from None
        prefix = f"{warehouse.name}-night-"
        for dead in workshop.glob(f"{prefix}*"):
            shutil.rmtree(dead, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=workshop))
        held.callback(shutil.rmtree, scratch, ignore_errors=True)
        yield scratch


def _open_lock(path: Path) -> TextIO:
    """Open the file whose lock is taken, without a change to what it holds."""
    _refuse_link(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise WarehouseError(f"{path} is a symbolic link, which is not followed", "remove it, then try again")


def draft(warehouse: Path, scratch: Path) -> Path:
    """A copy of the published warehouse to work on, or a new one where none is published yet.

    It is copied without a write-ahead log, which only another program can have left beside it. Raises
    WarehouseError where the published one is damaged or of a newer Rollcall, or only a former one is there.
    """
    copy = scratch / warehouse.name
    published = scratch / f"{warehouse.name}.published"
    if warehouse.exists():
        shutil.copyfile(warehouse, published)
        if not is_to_be_rewritten(published, warehouse):
            published.rename(copy)
    elif former_of(warehouse).exists():
        raise WarehouseError(
            f"there is no warehouse at {warehouse}, but a former night's beside it",
            f"run `rollcall restore`, or move {former_of(warehouse)} away to begin anew",
        )
    with connect(copy) as connection:
        connection.execute((SQL_ROOT / "raw.sql").read_text())
        if published.exists():
            with_memory(connection, MEMORY_MB, lambda: _take_facts(connection, published))
            published.unlink()
    return copy


def connect(path: Path, memory_mb: int = MEMORY_MB) -> duckdb.DuckDBPyConnection:
    """Open a draft for writing; times are UTC, and nothing is fetched from anywhere.

    What does not fit into memory is put beside the draft; see `with_memory`.
    """
    connection = duckdb.connect(
        config={
            "temp_directory": str(path.with_suffix(".spill")),
            "memory_limit": f"{memory_mb}MB",
            "threads": min(os.cpu_count() or 1, max(1, memory_mb // MB_PER_THREAD)),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    quoted = str(path).replace("'", "''")
    connection.execute(
        f"attach '{quoted}' as draft (storage_version '{STORAGE_VERSION}', row_group_size {ROWS_PER_GROUP})"
    )
    connection.execute("use draft")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def use_threads(connection: duckdb.DuckDBPyConnection, records: int) -> None:
    """Give work on so many records as many threads as it is worth, of those that `connect` allows."""
    row = connection.execute("select current_setting('threads')").fetchone()
    assert row is not None
    connection.execute(f"set threads = {min(row[0], 1 + records // RECORDS_PER_THREAD)}")


def with_memory(connection: duckdb.DuckDBPyConnection, memory_mb: int, work: Callable[[], T]) -> T:
    """Do some `work`, all of it or nothing, with twice the memory as long as it needs more than it has.

    DuckDB puts on disk what there is too much of, but not the texts of the few thousand rows that it works
    on: how much those need shows only with them. Raises OutOfMemoryException where the machine has no more.
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


def rewritten(facts: Path, scratch: Path) -> Path:
    """A new file in `scratch` with nothing but the facts of another; what is published is to be built."""
    candidate = scratch / f"rewritten-{facts.name}"
    with connect(candidate) as connection:
        connection.execute((SQL_ROOT / "raw.sql").read_text())
        with_memory(connection, MEMORY_MB, lambda: _take_facts(connection, facts))
    return candidate


def publish(candidate: Path, warehouse: Path, *, forgetting: bool = False) -> None:
    """Put `candidate` in the warehouse's place, the former beside it. Readers see the old file or the new.

    `candidate` must be closed, and lie on the same file system. Where it is `forgetting`, it takes the place
    of the former file too, and first: nothing stays then of what was published.
    """
    _verify(candidate)
    candidate.chmod(0o600)
    sync(candidate)
    if warehouse.exists():
        spare = candidate.with_name("former")
        if forgetting:
            shutil.copyfile(candidate, spare)
            spare.chmod(0o600)
            sync(spare)
            log_of(former_of(warehouse)).unlink(missing_ok=True)
        else:
            os.link(warehouse, spare)
        spare.replace(former_of(warehouse))
    # What another program left unwritten beside the former file would make the new one unreadable.
    log_of(warehouse).unlink(missing_ok=True)
    candidate.replace(warehouse)
    sync(warehouse.parent)


def put_back(warehouse: Path, scratch: Path, aside: Path) -> None:
    """Put a copy of the former warehouse in the published one's place; what stood there is kept as `aside`.

    `scratch` and `aside` lie on the same file system. Raises WarehouseError where there is no former, or it
    cannot be read; UsageError where it is what is published already.
    """
    former = former_of(warehouse)
    if not former.exists():
        raise WarehouseError(f"there is no former night at {former}", "put a copy of your own in its place")
    copy = scratch / warehouse.name
    shutil.copyfile(former, copy)
    with _readable(copy, former, f"put a copy of your own at {warehouse}"):
        copy.chmod(0o600)
    sync(copy)
    if warehouse.exists():
        if not log_of(warehouse).exists() and filecmp.cmp(copy, warehouse, shallow=False):
            raise UsageError(f"{warehouse} is the former night already", "leave it as it is")
        spare = scratch / "aside"
        os.link(warehouse, spare)
        spare.replace(aside)
    if log_of(warehouse).exists():
        log_of(warehouse).replace(log_of(aside))
    copy.replace(warehouse)
    sync(warehouse.parent)


def _refuse_read_only(directory: Path) -> None:
    """A night would otherwise find out when it publishes."""
    if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
        raise WarehouseError(
            f"{directory} may not be written to", "run this as its owner, on a disk that is not read-only"
        )


@contextlib.contextmanager
def _blaming_machine(warehouse: Path) -> Iterator[None]:
    """Turn what comes of the disk (full, failing, read-only) or of too little memory into a SyncError."""
    try:
        yield
    except SyncError:
        raise
    except duckdb.OutOfMemoryException as error:
        raise SyncError(
            "DuckDB needs more memory than there is",
            "give it more, or leave long fields out with drop_fields; nothing is lost",
        ) from error
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            for number in DISK_ERRORS:
                if os.strerror(number) in str(cause):
                    raise SyncError(
                        f"the disk of {warehouse.parent} cannot be written to ({os.strerror(number)})",
                        "make room or mend it, and run it again; what is published is whole",
                    ) from error
            cause = cause.__cause__ or cause.__context__
        raise


def _verify(candidate: Path) -> None:
    if log_of(candidate).exists():
        raise WarehouseError(f"{candidate.name} has not been written out whole", "run the night again")
    with duckdb.connect(str(candidate), read_only=True) as connection:
        connection.execute("select count(*) from raw.records").fetchone()
        connection.execute("select count(*) from projects").fetchone()


@contextlib.contextmanager
def _readable(copy: Path, original: Path, remedy: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a copy of the file `original`. Raises WarehouseError where any of its values cannot be read.

    A night reads few of its blocks and copies them all: what is damaged would be published again, and once
    more as the former.
    """
    try:
        with duckdb.connect(str(copy), read_only=True) as connection:
            read_every_value(connection)
            yield connection
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].replace(str(copy), str(original))
        raise WarehouseError(f"{original} cannot be read ({reason})", remedy) from None


def is_to_be_rewritten(copy: Path, warehouse: Path) -> bool:
    """Whether a run goes on with a new file, and not with `copy`, a copy of the published one or itself.

    Every value is read. Raises WarehouseError where one cannot be, or a newer Rollcall wrote the file.
    """
    with _readable(copy, warehouse, way_back(warehouse)) as whole:
        return _is_older(whole, warehouse) or _is_wasteful(whole)


def _is_older(published: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Whether the facts in `published` lack columns: an earlier Rollcall kept less of them.

    Raises WarehouseError where they have columns that are not known here, which would be lost.
    """
    with duckdb.connect() as empty:
        empty.execute((SQL_ROOT / "raw.sql").read_text())
        known = _columns_of_facts(empty)
    held = _columns_of_facts(published)
    if held - known:
        raise WarehouseError(
            f"{warehouse} was written by a newer Rollcall",
            "install the one that wrote it, or put a copy from before it there",
        )
    return bool(known - held)


def _columns_of_facts(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    """Table, name and type of each column of the facts."""
    return set(
        connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'raw'"
        ).fetchall()
    )


def _is_wasteful(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether much of the file is free space."""
    row = connection.execute(
        "select free_blocks * block_size, used_blocks * block_size from pragma_database_size()"
    ).fetchone()
    assert row is not None
    free, used = row
    return bool(free > max(used, COMPACT_FROM_BYTES))


def _take_facts(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """The facts without the free space between them; what is published is built from them anyway."""
    quoted = str(warehouse).replace("'", "''")
    connection.execute(f"attach if not exists '{quoted}' as published (read_only)")
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'published' and schema_name = 'raw'"
    ).fetchall()
    with transaction(connection):
        for (table,) in tables:
            connection.execute(f'insert into raw."{table}" by name from published.raw."{table}"')
    connection.execute("detach published")
