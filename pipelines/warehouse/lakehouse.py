"""A lakehouse as a warehouse: what a run copies from it into its draft, and how it commits the draft.

A draft is a DuckDB file with the facts of the connections that the run syncs. A commit replaces their rows in
all tables, in one transaction. Readers see the whole of it or nothing, and hold their snapshot meanwhile.
"""

import contextlib
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from pathlib import Path

import duckdb

from pipelines.common.database import doubled_memory_mb, open_database
from pipelines.common.errors import RunInProgress, UsageError
from pipelines.common.sql import identifier, literal, read_sql, transaction
from pipelines.config.lake import LakeSettings, lake_settings
from pipelines.warehouse.catalog import (
    LAKE,
    NothingPublished,
    attach,
    catalog_errors,
    current_snapshot,
    holds_rows,
    in_lake,
    nothing_published,
)
from pipelines.warehouse.exchange import remove_dead_exchanges
from pipelines.warehouse.lake_changes import apply_changes, connection_of, find_changes
from pipelines.warehouse.lake_lock import COMMIT, LakeLocks
from pipelines.warehouse.lake_maintenance import Maintained, erase_history, maintain_lake
from pipelines.warehouse.lake_parts import Changes, Known, read_files
from pipelines.warehouse.lake_tables import (
    Columns,
    StoredTable,
    columns_in,
    create_tables,
    create_views,
    in_database,
    stored_tables,
)
from pipelines.warehouse.runs import read_last_run

# Another program may write into the lakehouse too: a commit that conflicts with it is repeated as a whole.
MOST_TRIES = 20
CONFLICT = "Failed to commit"
# Facts that a draft has of all connections. The first ones only gain rows.
APPENDED = ("runs", "operations")
OF_ALL = (*APPENDED, "connections", "listings", "salt", "forgotten", "renamed")
OF_CONNECTIONS = ("records", "quarantine")
# Facts that a run replaces itself where its parts change the records.
OF_RUN = ("raw.listings", "raw.connections")


def required_lake(home: Path, why: str) -> LakeSettings:
    """The settings of the lakehouse of `home`. Raises UsageError, with the remedy `why`, if it has a file."""
    lake = lake_settings(home)
    if lake is None:
        raise UsageError("the warehouse of this home is a file, not a lakehouse", why)
    return lake


class Lakehouse:
    """A lakehouse, and the one DuckDB that a run uses to read and write it.

    Loading DuckLake takes half a second, attaching a catalog little: it is attached for each use, because a
    session with PostgreSQL does not outlast a long run.
    """

    def __init__(self, lake: LakeSettings, memory_mb: int) -> None:
        self.lake = lake
        self._memory_mb = memory_mb
        self._db = open_database(
            settings={"memory_limit": f"{memory_mb}MB", "preserve_insertion_order": "false"}
        )

    def close(self) -> None:
        """Close DuckDB."""
        self._db.close()

    @contextlib.contextmanager
    def attached(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the lakehouse while the block runs. Raises WarehouseError if it does not answer."""
        with catalog_errors(self.lake):
            attach(self._db, self.lake, read_only=read_only)
            try:
                yield self._db
            finally:
                self._db.execute(f"detach {LAKE}")

    def is_empty(self) -> bool:
        """Whether nothing was ever committed. Raises WarehouseError if the catalog does not answer."""
        try:
            with self.attached(read_only=True) as db:
                return not holds_rows(db)
        except NothingPublished:
            return True

    def take_facts(self, draft: Path, connections: Sequence[str]) -> None:
        """Copy the facts of `connections` into the empty tables of the file `draft`, from one snapshot.

        Runs, listings and what is known of connections are copied of all.
        """
        try:
            with self.attached(read_only=True) as db:
                if holds_rows(db):
                    with attached_file(db, draft), transaction(db):
                        _copy_facts(db, connections)
        except NothingPublished:
            return

    def maintain(self, locks: LakeLocks, keep: timedelta) -> Maintained:
        """Call `lake_maintenance.maintain_lake`, while no other process commits."""
        remove_dead_exchanges(self.lake, locks)
        with locks.waiting_for(COMMIT), self.attached(read_only=False) as db:
            return maintain_lake(db, keep)

    def erase_history(self, locks: LakeLocks) -> None:
        """Call `lake_maintenance.erase_history`, while no other process commits."""
        remove_dead_exchanges(self.lake, locks)
        with locks.waiting_for(COMMIT), self.attached(read_only=False) as db:
            erase_history(db)
        locks.vacuum()

    def known(self) -> Known:
        """The current snapshot, and what it has."""
        try:
            with self.attached(read_only=True) as db, transaction(db):
                if not holds_rows(db):
                    return Known()
                counts = db.execute(
                    f"select connection, count(*) from {in_lake('stored', 'records')} group by connection"
                )
                return Known(current_snapshot(db), dict(counts.fetchall()), columns_in(db, LAKE))
        except NothingPublished:
            return Known()

    def connections(self) -> tuple[str, ...]:
        """The names of all connections that were ever synced. Raises NothingPublished if there are none."""
        with self.attached(read_only=True) as db:
            if not holds_rows(db):
                raise nothing_published(self.lake)
            found = db.execute(f"select connection from {in_lake('raw', 'connections')} order by connection")
            return tuple(name for (name,) in found.fetchall())

    def commit(
        self, draft: Path, locks: LakeLocks, connections: Sequence[str], home: Path, message: str = "sync"
    ) -> int:
        """Replace the rows of `connections` in all tables by those of the closed file `draft`.

        Returns the number of the snapshot. Raises RunInProgress if another run of a connection was committed
        since the draft was begun, WarehouseError if the catalog or the data cannot be written.
        """

        def write(db: duckdb.DuckDBPyConnection, columns: Mapping[str, Columns]) -> None:
            for table in stored_tables(home):
                _replace_rows(db, table, columns[table.source], connections)

        return self._commit(draft, locks, lambda db: _commit_once(db, connections, home, message, write))

    def commit_parts(
        self,
        draft: Path,
        changes: Changes,
        locks: LakeLocks,
        connections: Sequence[str],
        home: Path,
        conclude: Callable[[duckdb.DuckDBPyConnection], None],
    ) -> int:
        """Apply the `changes` of all parts of a run, and the facts of the run in the closed file `draft`.

        The file also has every published table, empty, as the current models define them. `conclude` reads
        the lakehouse as it will be; nothing is published if it raises. Returns and raises as `commit`.
        """

        def write(db: duckdb.DuckDBPyConnection, columns: Mapping[str, Columns]) -> None:
            for table in stored_tables(home):
                if table.source in OF_RUN:
                    _replace_rows(db, table, columns[table.source], connections)
                elif changed := changes.get(table.source):
                    apply_changes(db, table, *(read_files(one) if one else "" for one in changed))

        def commit(db: duckdb.DuckDBPyConnection) -> int:
            return _commit_once(db, connections, home, "sync", write, conclude)

        return self._commit(draft, locks, commit)

    def _commit(
        self, draft: Path, locks: LakeLocks, commit: Callable[[duckdb.DuckDBPyConnection], int]
    ) -> int:
        """Commit, and try again after a conflict, or with twice the memory if it runs out."""
        self._db.execute(f"set temp_directory = {literal(str(draft.with_suffix('.commit')))}")
        with (
            locks.waiting_for(COMMIT),
            self.attached(read_only=False) as db,
            attached_file(db, draft, read_only=True),
        ):
            conflicts = 0
            while True:
                try:
                    return commit(db)
                except duckdb.TransactionException as error:
                    conflicts += 1
                    if conflicts == MOST_TRIES or CONFLICT not in str(error):
                        raise
                    time.sleep(random.random() * conflicts / 10)
                except duckdb.Error as error:
                    self._memory_mb = doubled_memory_mb(self._memory_mb, error)
                    db.execute(f"set memory_limit = '{self._memory_mb}MB'")


@contextlib.contextmanager
def attached_file(db: duckdb.DuckDBPyConnection, file: Path, *, read_only: bool = False) -> Iterator[None]:
    """Attach a DuckDB file as `draft` while the block runs."""
    db.execute(f"attach {literal(str(file))} as draft {'(read_only)' if read_only else ''}")
    try:
        yield
    finally:
        db.execute("detach draft")


def _copy_facts(db: duckdb.DuckDBPyConnection, connections: Sequence[str]) -> None:
    for name in OF_ALL:
        # A lakehouse keeps no order of rows, and runs of different connections end in another order than they
        # began. A check reads the order of runs.
        order = "order by started_at" if name in APPENDED else ""
        db.execute(f"insert into draft.raw.{name} by name from {in_lake('raw', name)} {order}")
    for name in OF_CONNECTIONS:
        db.execute(
            f"insert into draft.raw.{name} by name from {in_lake('raw', name)} "
            "where list_contains($1, connection)",
            [list(connections)],
        )


def _commit_once(
    db: duckdb.DuckDBPyConnection,
    connections: Sequence[str],
    home: Path,
    message: str,
    write: Callable[[duckdb.DuckDBPyConnection, Mapping[str, Columns]], None],
    conclude: Callable[[duckdb.DuckDBPyConnection], None] = lambda _db: None,
) -> int:
    with transaction(db):
        columns = columns_in(db, "draft")
        held = columns_in(db, LAKE)
        create_tables(db, columns, held, home)
        _refuse_overtaken(db, connections)
        for name in APPENDED:
            db.execute(
                f"insert into {in_lake('raw', name)} by name from draft.raw.{name} "
                f"where started_at not in (select started_at from {in_lake('raw', name)})"
            )
        db.execute(
            f"insert into {in_lake('raw', 'salt')} from draft.raw.salt "
            f"where not exists (from {in_lake('raw', 'salt')})"
        )
        write(db, columns)
        _replace_seeds(db, [name for name in columns if name.startswith("seeds.")])
        create_views(db, columns, home, has_views="stored.views" in held)
        run = read_last_run(db, "draft.raw.runs")
        extra = {
            "run": run.started_at.astimezone(UTC).isoformat() if run else None,
            "connections": sorted(connections),
        }
        db.execute(
            f"call {LAKE}.set_commit_message('rollcall', {literal(message)}, "
            f"extra_info => {literal(json.dumps(extra))})"
        )
        with in_database(db, LAKE):
            conclude(db)
    return current_snapshot(db)


def _refuse_overtaken(db: duckdb.DuckDBPyConnection, connections: Sequence[str]) -> None:
    """Raise RunInProgress if the lakehouse has a listing of a connection that the draft does not have."""
    overtaken = db.execute(
        read_sql("queries/lake/overtaken", listings=in_lake("raw", "listings")),
        {"connections": list(connections)},
    ).fetchall()
    if overtaken:
        raise RunInProgress(
            f"another run of {overtaken[0][0]} was published while this one was in progress",
            "nothing was published; run it again",
        )


def _replace_rows(
    db: duckdb.DuckDBPyConnection, table: StoredTable, columns: Columns, connections: Sequence[str]
) -> None:
    """Delete the rows that the draft does not have, and insert those that the lakehouse does not have."""
    which = f"{connection_of(columns)} in ({', '.join(map(literal, connections))})"
    if table.name == "connections":
        which = "connection in (select connection from draft.raw.connections)"
    listed = ", ".join(map(identifier, columns))
    find_changes(db, table, columns, which, f"select {listed} from {table.in_lake} where {which}")
    apply_changes(db, table)


def _replace_seeds(db: duckdb.DuckDBPyConnection, seeds: Sequence[str]) -> None:
    for name in seeds:
        own, held = f"draft.{name}", f"{LAKE}.{name}"
        differing = (
            f"((from {own}) except all (from {held})) union all ((from {held}) except all (from {own}))"
        )
        if db.execute(f"select exists ({differing})").fetchall()[0][0]:
            db.execute(f"delete from {held}")
            db.execute(f"insert into {held} by name from {own}")
