"""The locks of a lakehouse: one run at a time for each connection, on any number of machines.

With a PostgreSQL catalog they are its advisory locks, which PostgreSQL releases when the session of their
holder ends, however it ends. With a catalog in a file they are locks on files next to it.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.common.errors import RunInProgress, WarehouseError
from pipelines.common.extras import needing
from pipelines.common.files import STATE_FOLDER, private_folder
from pipelines.common.filesystem import locked_file
from pipelines.config.lake import LakeSettings
from pipelines.warehouse.lock import clear, system_errors_as_sync_errors

if TYPE_CHECKING:
    from psycopg2 import extensions

COMMIT = "commit"
"""The lock for writing into the lakehouse, held for as long as a commit takes."""


class LakeLocks:
    """Locks that one process holds until it closes them. A name is of its own lakehouse."""

    def __init__(self, lake: LakeSettings) -> None:
        self._lake = lake
        self._held = contextlib.ExitStack()
        self._session: extensions.connection | None = None
        if lake.is_shared:
            self._session = self._held.enter_context(contextlib.closing(_session(lake)))

    def __enter__(self) -> "LakeLocks":
        return self

    def __exit__(self, *_: object) -> None:
        # A session that is already lost holds no lock, and cannot be closed.
        with contextlib.suppress(Exception):
            self._held.close()

    def claim(self, name: str) -> bool:
        """Take the lock called `name`; False if another process holds it."""
        if self._session is None:
            try:
                self._held.enter_context(locked_file(self._file(name)))
            except BlockingIOError:
                return False
            return True
        return bool(self._ask(f"select pg_try_advisory_lock({_number(name)})"))

    @contextlib.contextmanager
    def waiting_for(self, name: str) -> Iterator[None]:
        """Wait for the lock called `name`, and hold it while the block runs.

        Raises WarehouseError if the session with the catalog is lost.
        """
        if self._session is None:
            with locked_file(self._file(name), wait=True):
                yield
            return
        self._ask(f"select pg_advisory_lock({_number(name)})")
        try:
            yield
        finally:
            with contextlib.suppress(WarehouseError):
                self._ask(f"select pg_advisory_unlock({_number(name)})")

    def vacuum(self) -> None:
        """Have PostgreSQL write the catalog's tables again, without the rows that were deleted from them."""
        if self._session is None:
            return
        with self._session.cursor() as cursor:
            cursor.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables "
                "where starts_with(tablename, 'ducklake_')"
            )
            for (table,) in cursor.fetchall():
                cursor.execute(f"vacuum full {table}")

    def _ask(self, sql: str) -> object:
        import psycopg2

        assert self._session is not None
        try:
            with self._session.cursor() as cursor:
                cursor.execute(sql)
                row = cursor.fetchone()
        except psycopg2.Error as error:
            raise WarehouseError(
                f"the session with {self._lake.name} was lost ({str(error).splitlines()[0]})",
                "nothing was published; run it again",
            ) from error
        return row[0] if row else None

    def _file(self, name: str) -> Path:
        catalog = Path(self._lake.catalog)
        folder = catalog.parent / STATE_FOLDER
        private_folder(folder)
        return folder / f"{catalog.name}.{_number(name)}.lock"


def _session(lake: LakeSettings) -> "extensions.connection":
    """Sign in to the catalog. Raises WarehouseError if it does not answer."""
    with needing("lake"):
        import psycopg2
    try:
        session = psycopg2.connect(
            lake.catalog,
            password=lake.password or None,
            application_name="rollcall",
            connect_timeout=30,
            keepalives_idle=30,
        )
    except psycopg2.Error as error:
        raise WarehouseError(
            f"{lake.name} does not answer ({' '.join(str(error).split())})",
            "check catalog of [warehouse], and that it can be reached",
        ) from None
    session.autocommit = True
    return session


def _number(name: str) -> int:
    """PostgreSQL knows its advisory locks by 64-bit integers."""
    return int.from_bytes(hashlib.sha256(f"rollcall {name}".encode()).digest()[:8], signed=True)


def claim_connections(locks: LakeLocks, connections: Sequence[str]) -> None:
    """Take the lock of each connection. Raises RunInProgress if another run holds one."""
    for name in sorted(connections):
        if not locks.claim(f"connection {name}"):
            raise RunInProgress(f"another run of {name} is in progress", "wait for it to end, then try again")


@contextlib.contextmanager
def scratch_directory(home: Path) -> Iterator[Path]:
    """A new private directory in `home/.rollcall`, removed afterwards, as are those of runs that have died.

    Runs of several connections share a home, so each holds a lock on its own directory. Raises SyncError if
    the block fails because of the disk, or of too little memory.
    """
    folder = home / STATE_FOLDER
    with contextlib.ExitStack() as held:
        held.enter_context(system_errors_as_sync_errors(folder))
        private_folder(folder)
        # Nobody removes a directory between its creation and its lock.
        with locked_file(folder / "lake-scratch.lock", wait=True):
            for other in folder.glob("lake-run-*"):
                _clear_if_dead(other)
            scratch = Path(tempfile.mkdtemp(prefix="lake-run-", dir=folder))
            held.callback(clear, scratch)
            held.enter_context(locked_file(scratch / "lock"))
        yield scratch


def _clear_if_dead(scratch: Path) -> None:
    # Its own run may end meanwhile, and remove it.
    with contextlib.suppress(BlockingIOError, FileNotFoundError), locked_file(scratch / "lock"):
        clear(scratch)
