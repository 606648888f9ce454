"""The units of a run, and what a worker does with each.

`receive` asks one connection for its records. If they fit into one unit, the same task merges them and
builds their rows: `Finished`. If not, it divides them, and everything known of the connection, into buckets
by their keys: `Landed`. Then `count` compares each bucket with what is known; the run adds up the counts;
`finish` judges the listings by the sums, writes the versions of the bucket, and builds and checks its rows.

What a unit changes is in Parquet files of the exchange, in a folder of this attempt. A unit that is repeated
reads the same and changes nothing else.
"""

import contextlib
import math
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.common.errors import SyncError, WorkerFailed
from pipelines.common.sql import transaction
from pipelines.compute.parcel import Asked, HomeFiles
from pipelines.extract.connections import Connection
from pipelines.extract.provider import find_providers
from pipelines.load.landing import land
from pipelines.load.listings import Listings
from pipelines.load.merge import (
    Providers,
    begin_merge,
    count_records,
    judge,
    read_counted,
    run_listings,
    write_listings,
    write_records,
)
from pipelines.load.plan import plan_run
from pipelines.transform.build import Finding, build
from pipelines.transform.part_checks import check_part
from pipelines.warehouse.catalog import LAKE, attach, open_storage
from pipelines.warehouse.draft import Draft
from pipelines.warehouse.exchange import Exchange
from pipelines.warehouse.lake_lock import scratch_directory
from pipelines.warehouse.lake_parts import (
    RECORD_KEY,
    Changes,
    Held,
    bucket_key,
    changed_tables,
    held_facts,
    held_in_files,
    held_in_lake,
    read_facts,
    read_files,
    take_records,
    write_buckets,
    write_changes,
)
from pipelines.warehouse.lake_tables import columns_in

DRAFT = "draft"
RECORDS = "raw.records"

Report = Callable[[str, str | None, int, int], None]
"""Called with the names of a connection and a scope, and the numbers of pages and records so far."""


@dataclass(frozen=True)
class Job:
    """What all units of a run have in common.

    `snapshot` is the one of the lakehouse that all of them read; None if nothing was ever published. The run
    must end within `seconds`.
    """

    exchange: Exchange = field(repr=False)
    snapshot: int | None
    started_at: datetime
    full: bool
    accepted: Mapping[str, int]
    unit_records: int
    memory_mb: int
    files: HomeFiles = field(repr=False)
    seconds: float


@dataclass(frozen=True)
class ConnectionUnit:
    """One connection, of which so many versions are known."""

    job: Job
    asked: Asked
    known: int

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.asked.name


@dataclass(frozen=True)
class Bucket:
    """The files of one bucket: what was received, and the rows of each stored table with their columns."""

    landed: tuple[str, ...]
    held: Mapping[str, tuple[tuple[str, ...], frozenset[str]]]


@dataclass(frozen=True)
class BucketUnit:
    """One bucket of a connection; `totals` has the counts of all buckets, once they are known."""

    job: Job
    asked: Asked
    number: int
    buckets: int
    bucket: Bucket
    listings: pa.Table = field(repr=False)
    totals: pa.Table | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"part {self.number + 1} of {self.buckets} of {self.asked.name}"


Unit = ConnectionUnit | BucketUnit


@dataclass(frozen=True)
class Landed:
    """A connection that was received and divided: the rows of `RUN_LISTINGS`, and its buckets."""

    listings: pa.Table
    buckets: tuple[Bucket, ...]


@dataclass(frozen=True)
class Finished:
    """A unit that is done: its listings and counts, the files of what it changes, and what checks found."""

    listings: pa.Table
    counted: pa.Table
    changes: Changes
    findings: tuple[Finding, ...]


def receive(unit: Unit, report: Report) -> Landed | Finished:
    """Ask a connection, and finish it if it is small enough, or divide what is there into buckets."""
    assert isinstance(unit, ConnectionUnit)
    with _draft(unit.job) as (db, home, scratch):
        connection = unit.asked.connection(home)
        # The files of an EvoVoice customer are one project: their rows must be together.
        is_divisible = connection.provider.entity == "projects"
        _take_known(db, unit, home, with_payloads=not is_divisible or unit.known <= unit.job.unit_records)
        listings, files = _ask(db, unit, connection, scratch, report)
        received = sum(listings["records"].to_pylist())
        buckets = math.ceil(max(unit.known, received) / unit.job.unit_records)
        if is_divisible and buckets > 1:
            return Landed(listings, _divided(db, unit, home, listings, files, buckets))
        counted = _merge(db, unit, home, listings, files)
        with _lake(db, unit.job) as lake:
            held = held_in_lake(db, changed_tables(home), unit.asked.name) if lake else {}
            return _finished(db, unit, home, held, listings, counted)


def count(unit: Unit, report: Report) -> pa.Table:
    """Compare a bucket with what is known. Returns rows of `COUNTED`."""
    del report
    assert isinstance(unit, BucketUnit)
    with _draft(unit.job) as (db, home, _):
        _take_bucket(db, unit)
        begin_merge(db, unit.listings, unit.job.started_at)
        with transaction(db):
            count_records(db, unit.bucket.landed, _providers(unit, home))
        return read_counted(db)


def finish(unit: Unit, report: Report) -> Finished:
    """Write the versions of a bucket, and build and check its rows."""
    del report
    assert isinstance(unit, BucketUnit)
    with _draft(unit.job) as (db, home, _):
        _take_bucket(db, unit)
        counted = _merge(db, unit, home, unit.listings, unit.bucket.landed)
        held = {source: held_in_files(*found) for source, found in unit.bucket.held.items()}
        return _finished(db, unit, home, held, unit.listings, counted)


def _ask(
    db: duckdb.DuckDBPyConnection, unit: ConnectionUnit, connection: Connection, scratch: Path, report: Report
) -> tuple[pa.Table, list[str]]:
    """Read the listings of a connection. Returns rows of `RUN_LISTINGS`, and the files of records."""
    plan = plan_run(db, (connection,), unit.job.started_at, full=unit.job.full)

    def progress(one: Connection, scope: str | None, pages: int, records: int) -> None:
        report(one.name, scope, pages, records)

    deadline = time.monotonic() + unit.job.seconds
    landing = land(Listings(plan.connections, plan.windows, plan.known, deadline, progress), scratch)
    return run_listings(landing.listings, unit.job.accepted), list(map(str, landing.files))


def _take_known(
    db: duckdb.DuckDBPyConnection, unit: ConnectionUnit, home: Path, *, with_payloads: bool
) -> None:
    """Fill the draft with what is known of a connection; without payloads, only as a listing needs it."""
    read_facts(db, unit.job.exchange, unit.asked.name)
    with _lake(db, unit.job) as lake:
        if not lake:
            return
        held = held_in_lake(db, changed_tables(home), unit.asked.name)[RECORDS]
        if not with_payloads:
            current = f"select * replace ('{{}}' as payload) from ({held.query}) where valid_to is null"
            held = Held(current, held.columns)
        take_records(db, held, columns_in(db, DRAFT)[RECORDS])


def _take_bucket(db: duckdb.DuckDBPyConnection, unit: BucketUnit) -> None:
    read_facts(db, unit.job.exchange, unit.asked.name)
    if RECORDS in unit.bucket.held:
        take_records(db, held_in_files(*unit.bucket.held[RECORDS]), columns_in(db, DRAFT)[RECORDS])


def _divided(
    db: duckdb.DuckDBPyConnection,
    unit: ConnectionUnit,
    home: Path,
    listings: pa.Table,
    files: Sequence[str],
    buckets: int,
) -> tuple[Bucket, ...]:
    """Write what was received, and the rows of every stored table, to files by bucket."""
    folder = unit.job.exchange.attempt(unit.asked.name)
    db.register("listing_rows", listings)
    # A forgotten record is known by its pseudonym.
    pseudonym = "raw.pseudonym(connection, scope, entity, record_id)"
    is_forgotten = f"{pseudonym} in (select pseudonym from raw.forgotten)"
    record_id = f"case when {is_forgotten} then {pseudonym} else record_id end"
    query = f"""
        select record.*, {RECORD_KEY.replace("record_id", f"({record_id})")} as key
        from {read_files(files)} as record
        inner join (select listing, connection, scope, entity from listing_rows) using (listing)
    """
    landed = write_buckets(db, query, "key", buckets, f"{folder}landed")
    held: dict[str, tuple[dict[int, tuple[str, ...]], frozenset[str]]] = {}
    with _lake(db, unit.job) as lake:
        tables = [table for table in changed_tables(home) if lake and table.is_versioned]
        of_connection = held_in_lake(db, tables, unit.asked.name) if lake else {}
        for table in tables:
            found = of_connection[table.source]
            if found.query:
                key = bucket_key(table, found.columns)
                files_of = write_buckets(db, found.query, key, buckets, f"{folder}{table.name}")
                held[table.source] = files_of, found.columns
    return tuple(
        Bucket(
            landed.get(number, ()),
            {source: (files_of.get(number, ()), columns) for source, (files_of, columns) in held.items()},
        )
        for number in range(buckets)
    )


def _merge(
    db: duckdb.DuckDBPyConnection, unit: Unit, home: Path, listings: pa.Table, files: Sequence[str]
) -> pa.Table:
    """Merge records into the draft, and build and check everything. Returns what was counted."""
    begin_merge(db, listings, unit.job.started_at)
    with transaction(db):
        count_records(db, files, _providers(unit, home))
        counted = read_counted(db)
        judge(db, unit.totals if isinstance(unit, BucketUnit) else None)
        write_records(db)
        write_listings(db)
    build(db, home, comments=False)
    return counted


def _finished(
    db: duckdb.DuckDBPyConnection,
    unit: Unit,
    home: Path,
    held: Mapping[str, Held],
    listings: pa.Table,
    counted: pa.Table,
) -> Finished:
    """Write what the unit changes into the exchange. `held` are its rows of the lakehouse, by table."""
    findings = check_part(db, home)
    folder = unit.job.exchange.attempt(unit.asked.name)
    columns, before = columns_in(db, DRAFT), {**held, **held_facts(unit.job.exchange)}
    changes = {
        table.source: write_changes(
            db, table, columns[table.source], before.get(table.source, Held()), folder
        )
        for table in changed_tables(home)
    }
    return Finished(listings, counted, changes, findings)


def _providers(unit: Unit, home: Path) -> Providers:
    return {unit.asked.provider_name: find_providers(home)[unit.asked.provider_name]}


@contextlib.contextmanager
def _draft(job: Job) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path, Path]]:
    """A draft with empty facts, a folder with the files of the home, and a scratch directory."""
    from pipelines.config.dlt_runtime import use_home

    os.umask(0o077)
    with scratch_directory(_workshop()) as scratch:
        home = scratch / "home"
        home.mkdir()
        job.files.write(home)
        use_home(home)
        with Draft(scratch / "unit.duckdb", job.memory_mb) as draft:
            draft.db.execute("set threads = 1")  # the engine starts one unit for each processor
            draft.attach()
            open_storage(draft.db, job.exchange.lake)
            try:
                yield draft.db, home, scratch
            except SyncError as error:
                raise job.files.at_home(error, home) from None


@contextlib.contextmanager
def _lake(db: duckdb.DuckDBPyConnection, job: Job) -> Iterator[bool]:
    """Attach the lakehouse at the snapshot of the run. False if nothing was ever published."""
    if job.snapshot is None:
        yield False
        return
    attach(db, job.exchange.lake, read_only=True, snapshot=job.snapshot)
    try:
        yield True
    finally:
        db.execute(f"detach {LAKE}")


def _workshop() -> Path:
    """The folder of this machine for the scratch directories of units; it belongs to this user alone."""
    folder = Path(tempfile.gettempdir()) / f"rollcall-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise WorkerFailed(f"{folder} on a worker is not a private directory of its user", "remove it")
    return folder
