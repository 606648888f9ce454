"""A lakehouse as the store of runs, on any number of machines at once."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.config.lake import LakeSettings
from pipelines.config.settings import memory_mb
from pipelines.warehouse.catalog import open_storage
from pipelines.warehouse.draft import Draft
from pipelines.warehouse.exchange import Exchange, exchange
from pipelines.warehouse.lake_lock import LakeLocks, claim_connections, scratch_directory
from pipelines.warehouse.lake_parts import Changes, Known
from pipelines.warehouse.lakehouse import Lakehouse
from pipelines.warehouse.runs import MILLISECOND, next_start


class LakeStore:
    """The lakehouse of `home`. One run uses it, from `locked` to `publish`."""

    shared = True

    def __init__(self, lake: LakeSettings, home: Path) -> None:
        self._lake = lake
        self._home = home
        self._lakehouse = Lakehouse(lake, memory_mb(home))
        self._locks: LakeLocks | None = None
        self._connections: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its catalog."""
        return self._lake.name

    def is_empty(self) -> bool:
        """Whether nothing was ever committed. Raises WarehouseError if the catalog does not answer."""
        return self._lakehouse.is_empty()

    def is_lost(self) -> bool:
        """As `is_empty`: there are no copies of earlier runs, only snapshots."""
        return self._lakehouse.is_empty()

    @contextlib.contextmanager
    def locked(self, connections: Sequence[str]) -> Iterator[Path]:
        """Hold the lock of each connection, in the catalog."""
        with LakeLocks(self._lake) as locks:
            claim_connections(locks, connections)
            self._locks, self._connections = locks, tuple(connections)
            with scratch_directory(self._home) as scratch:
                yield scratch

    def probe(self, scratch: Path) -> tuple[str, ...]:
        """Nothing: a draft in a scratch directory needs no support from the file system."""
        del scratch
        return ()

    def open_draft(self, scratch: Path, memory_mb: int) -> Draft:
        """Open a draft with the facts of the locked connections."""
        path = scratch / "warehouse.duckdb"
        with Draft(path, memory_mb) as empty:
            empty.attach()
        self._lakehouse.take_facts(path, self._connections)
        with contextlib.ExitStack() as on_failure:
            draft = on_failure.enter_context(Draft(path, memory_mb))
            draft.attach()
            on_failure.pop_all()
        return draft

    def open_facts(self, scratch: Path, memory_mb: int) -> Draft:
        """Open a draft with the facts about runs and connections, without records."""
        locked, self._connections = self._connections, ()
        try:
            draft = self.open_draft(scratch, memory_mb)
        finally:
            self._connections = locked
        open_storage(draft.db, self._lake)
        return draft

    @contextlib.contextmanager
    def exchange(self) -> Iterator[Exchange]:
        """A folder in which the workers of this run exchange files, while the block runs."""
        assert self._locks is not None
        with exchange(self._lake, self._locks) as folder:
            yield folder

    def known(self) -> Known:
        """The current snapshot, and what it has."""
        return self._lakehouse.known()

    def publish_parts(
        self, draft: Path, changes: Changes, conclude: Callable[[duckdb.DuckDBPyConnection], None]
    ) -> None:
        """Commit what the parts of a run have changed; `conclude` reads the result before it is published."""
        assert self._locks is not None
        self._lakehouse.commit_parts(draft, changes, self._locks, self._connections, self._home, conclude)

    def start(self, db: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
        """Claim a start, to the millisecond, that no run in progress has, and that is after all published."""
        assert self._locks is not None
        start = next_start(db, now)
        while not self._locks.claim(f"run {start.isoformat()}"):
            start += MILLISECOND
        return start

    def publish(self, draft: Path, scratch: Path) -> tuple[str, ...]:
        """Commit the draft."""
        del scratch
        assert self._locks is not None
        self._lakehouse.commit(draft, self._locks, self._connections, self._home)
        return ()

    def known_connections(self) -> tuple[str, ...]:
        """The connections that were ever synced. Raises WarehouseError if there are none."""
        return self._lakehouse.connections()

    def erase_history(self) -> None:
        """Leave nothing of rows that were deleted: neither in files nor in earlier snapshots."""
        assert self._locks is not None
        self._lakehouse.erase_history(self._locks)
