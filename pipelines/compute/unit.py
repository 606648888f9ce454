"""The units of a run, and what a worker does with each.

`receive` asks one connection for its records. If they fit into one unit, the same task merges them and
builds their rows: `Finished`. If not, it divides them, and everything known of the connection, into buckets
by their keys: `Landed`. Then `count` compares each bucket with what is known; the run adds up the counts;
`finish` judges the listings by the sums, writes the versions of the bucket, and builds and checks its rows.

What a unit changes is in Parquet files of the exchange, in a folder of this attempt. A unit that is repeated
reads the same and changes nothing else.
"""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.common.sql import transaction
from pipelines.compute.job import Bucket, BucketUnit, ConnectionUnit, Finished, Landed, Report, Unit
from pipelines.compute.workspace import attached_lake, unit_draft
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
from pipelines.transform.build import build
from pipelines.transform.part_checks import check_part
from pipelines.warehouse.lake_parts import (
    RECORD_KEY,
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

FilesByBucket = Mapping[int, tuple[str, ...]]
"""The Parquet files of each bucket that has rows, by its number."""


def receive(unit: Unit, report: Report) -> Landed | Finished:
    """Ask a connection, and finish it if it is small enough, or divide what is there into buckets."""
    assert isinstance(unit, ConnectionUnit)
    with unit_draft(unit.job) as (db, home, scratch):
        connection = unit.asked.connection(home)
        # The files of an EvoVoice customer are one project: their rows must be together.
        is_divisible = connection.provider.entity == "projects"
        _take_known(db, unit, home, with_payloads=not is_divisible or unit.known <= unit.job.unit_records)
        listings, files = _ask(db, unit, connection, scratch, report)
        received = sum(listings["records"].to_pylist())
        buckets = math.ceil(max(unit.known, received) / unit.job.unit_records)
        if is_divisible and buckets > 1:
            folder = unit.job.exchange.attempt(unit.asked.name)
            landed = _landed_by_bucket(db, listings, files, buckets, folder)
            held = _held_by_bucket(db, unit, home, buckets, folder)
            return Landed(listings, tuple(_bucket(number, landed, held) for number in range(buckets)))
        counted = _merge(db, unit, home, listings, files)
        with attached_lake(db, unit.job) as lake:
            before = held_in_lake(unit.job.columns, changed_tables(home), unit.asked.name) if lake else {}
            return _finished(db, unit, home, before, listings, counted)


def count(unit: Unit, report: Report) -> pa.Table:
    """Compare a bucket with what is known. Returns rows of `COUNTED`."""
    del report
    assert isinstance(unit, BucketUnit)
    with unit_draft(unit.job) as (db, home, _):
        _take_bucket(db, unit)
        begin_merge(db, unit.listings, unit.job.started_at)
        with transaction(db):
            count_records(db, unit.bucket.landed, _providers(unit, home))
        return read_counted(db)


def finish(unit: Unit, report: Report) -> Finished:
    """Write the versions of a bucket, and build and check its rows."""
    del report
    assert isinstance(unit, BucketUnit)
    with unit_draft(unit.job) as (db, home, _):
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
    with attached_lake(db, unit.job) as lake:
        if not lake:
            return
        held = held_in_lake(unit.job.columns, changed_tables(home), unit.asked.name)[RECORDS]
        if not with_payloads:
            current = f"select * replace ('{{}}' as payload) from ({held.query}) where valid_to is null"
            held = Held(current, held.columns)
        take_records(db, held, columns_in(db, DRAFT)[RECORDS])


def _take_bucket(db: duckdb.DuckDBPyConnection, unit: BucketUnit) -> None:
    read_facts(db, unit.job.exchange, unit.asked.name)
    if RECORDS in unit.bucket.held:
        take_records(db, held_in_files(*unit.bucket.held[RECORDS]), columns_in(db, DRAFT)[RECORDS])


def _landed_by_bucket(
    db: duckdb.DuckDBPyConnection, listings: pa.Table, files: Sequence[str], buckets: int, folder: str
) -> FilesByBucket:
    """Write what was received to files by bucket."""
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
    return write_buckets(db, query, "key", buckets, f"{folder}landed")


def _held_by_bucket(
    db: duckdb.DuckDBPyConnection, unit: ConnectionUnit, home: Path, buckets: int, folder: str
) -> dict[str, tuple[FilesByBucket, frozenset[str]]]:
    """Write the known rows of every stored table to files by bucket. Returns them with their columns."""
    held: dict[str, tuple[FilesByBucket, frozenset[str]]] = {}
    with attached_lake(db, unit.job) as lake:
        tables = [table for table in changed_tables(home) if lake and table.is_versioned]
        of_connection = held_in_lake(unit.job.columns, tables, unit.asked.name) if lake else {}
        for table in tables:
            found = of_connection[table.source]
            if found.query:
                key = bucket_key(table, found.columns)
                files = write_buckets(db, found.query, key, buckets, f"{folder}{table.name}")
                held[table.source] = files, found.columns
    return held


def _bucket(
    number: int, landed: FilesByBucket, held: Mapping[str, tuple[FilesByBucket, frozenset[str]]]
) -> Bucket:
    files = {source: (found.get(number, ()), columns) for source, (found, columns) in held.items()}
    return Bucket(landed.get(number, ()), files)


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
