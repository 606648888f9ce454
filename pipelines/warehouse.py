"""The warehouse file: locked for one night, drafted in a scratch directory, published by a rename.

Nothing but this module and `remember` and `models` knows which engine holds the tables.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.errors import NightRunning, WarehouseError
from pipelines.models import SQL_ROOT

# Written by every DuckDB from 1.4 on, and read by every shell from 1.4 on.
STORAGE_VERSION = "v1.4.0"
# A copy is rewritten when more than half of it, and at least this much, is free space.
COMPACT_FROM_BYTES = 32 << 20


def former_of(warehouse: Path) -> Path:
    """Where the warehouse of the night before is kept."""
    return warehouse.with_name(f"{warehouse.stem}.former{warehouse.suffix}")


@contextlib.contextmanager
def locked(warehouse: Path) -> Iterator[Path]:
    """Hold the warehouse's lock, with a new private scratch directory; raises NightRunning where it is held.

    The kernel lets go of the lock when its holder dies, so whatever scratch is found then is of dead nights.
    """
    workshop = warehouse.parent / ".rollcall"
    workshop.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (workshop / f"{warehouse.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NightRunning(
                f"another night is running for {warehouse}", "wait for it to end, then try again"
            ) from None
        prefix = f"{warehouse.name}-night-"
        for dead in workshop.glob(f"{prefix}*"):
            shutil.rmtree(dead, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=workshop))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def draft(warehouse: Path, scratch: Path) -> Path:
    """A copy of the published warehouse to work on, or a new one where none is published yet.

    It is copied without a write-ahead log, which only another program can have left beside it.
    """
    copy = scratch / warehouse.name
    published = scratch / f"{warehouse.name}.published"
    if warehouse.exists():
        shutil.copyfile(warehouse, published)
        if not _is_wasteful(published, warehouse):
            published.rename(copy)
    with connect(copy) as connection:
        connection.execute((SQL_ROOT / "raw.sql").read_text())
        if published.exists():
            _take_facts(connection, published)
            published.unlink()
    return copy


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a draft for writing; times are UTC, and nothing is fetched from anywhere."""
    connection = duckdb.connect(
        str(path),
        config={
            "storage_compatibility_version": STORAGE_VERSION,
            "temp_directory": str(path.with_suffix(".spill")),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("set TimeZone = 'UTC'")
    return connection


def rewritten(facts: Path, scratch: Path) -> Path:
    """A new file in `scratch` with nothing but the facts of another; what is published is to be built."""
    candidate = scratch / f"rewritten-{facts.name}"
    with connect(candidate) as connection:
        connection.execute((SQL_ROOT / "raw.sql").read_text())
        _take_facts(connection, facts)
    return candidate


def publish(candidate: Path, warehouse: Path, *, forgetting: bool = False) -> None:
    """Put `candidate` in the warehouse's place, the former beside it. Readers see the old file or the new.

    `candidate` must be closed, and lie on the same file system. Where it is `forgetting`, it takes the place
    of the former file too, and first: nothing stays then of what was published.
    """
    _verify(candidate)
    candidate.chmod(0o600)
    _sync(candidate)
    if warehouse.exists():
        spare = candidate.with_name("former")
        if forgetting:
            shutil.copyfile(candidate, spare)
            spare.chmod(0o600)
            _sync(spare)
        else:
            os.link(warehouse, spare)
        spare.replace(former_of(warehouse))
    # What another program left unwritten beside the former file would make the new one unreadable.
    warehouse.with_name(warehouse.name + ".wal").unlink(missing_ok=True)
    candidate.replace(warehouse)
    _sync(warehouse.parent)


def _verify(candidate: Path) -> None:
    wal = candidate.with_name(candidate.name + ".wal")
    if wal.exists():
        raise WarehouseError(f"{candidate.name} has not been written out whole", "run the night again")
    with duckdb.connect(str(candidate), read_only=True) as connection:
        connection.execute("select count(*) from raw.records").fetchone()
        connection.execute("select count(*) from projects").fetchone()


def _is_wasteful(copy: Path, warehouse: Path) -> bool:
    """Whether much of a copy of the warehouse is free space. Raises WarehouseError where it is none."""
    try:
        with duckdb.connect(str(copy), read_only=True) as connection:
            row = connection.execute(
                "select free_blocks * block_size, used_blocks * block_size from pragma_database_size()"
            ).fetchone()
    except duckdb.Error as error:
        former = former_of(warehouse)
        remedy = f"put the former night back: mv {former} {warehouse}" if former.exists() else "move it away"
        reason = str(error).splitlines()[0].replace(str(copy), str(warehouse))
        raise WarehouseError(f"{warehouse} cannot be read ({reason})", remedy) from None
    assert row is not None
    free, used = row
    return bool(free > max(used, COMPACT_FROM_BYTES))


def _take_facts(connection: duckdb.DuckDBPyConnection, warehouse: Path) -> None:
    """The facts without the free space between them; what is published is built from them anyway."""
    quoted = str(warehouse).replace("'", "''")
    connection.execute(f"attach '{quoted}' as published (read_only)")
    tables = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'published' and schema_name = 'raw'"
    ).fetchall()
    for (table,) in tables:
        connection.execute(f'insert into raw."{table}" by name from published.raw."{table}"')
    connection.execute("detach published")


def _sync(path: Path) -> None:
    """Have the kernel write a file, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
