"""One transaction merges the landing of a run into `raw.*`, which only ever gains facts.

The files of `sql/merge` run in the order of their names. After the first file, Python compares the content of
records whose bytes differ. A connection's records can also be merged in parts: call `count_records` for each
part, add up the counts, and `judge` each part by the totals.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.common.errors import SyncError
from pipelines.common.sql import literal, read_sql, set_variables, transaction
from pipelines.common.text import counted
from pipelines.common.version import rollcall_version
from pipelines.extract.listing import Listing
from pipelines.extract.provider import Provider
from pipelines.extract.records import canonical_hash, volatile_hash
from pipelines.load.landing import Landing
from pipelines.load.listings import RECORDS

RUN_LISTINGS = pa.schema(
    [
        ("listing", pa.int32()),
        ("connection", pa.string()),
        ("provider", pa.string()),
        ("scope", pa.string()),
        ("entity", pa.string()),
        ("since", pa.timestamp("us", tz="UTC")),
        ("reading", pa.int32()),
        ("pages", pa.int64()),
        ("requests", pa.int64()),
        ("retries", pa.int64()),
        ("records", pa.int64()),
        ("seconds", pa.float64()),
        ("unverified_reason", pa.string()),
        ("error_kind", pa.string()),
        ("removal_limit", pa.float64()),
        ("accepted", pa.int64()),
        ("time_zone", pa.string()),
    ]
)
CONTENTS = pa.schema(
    [
        ("listing", pa.int32()),
        ("position", pa.int64()),
        ("canonical_hash", pa.string()),
        ("known_canonical_hash", pa.string()),
        ("has_new_volatile_fields", pa.bool_()),
    ]
)
COUNTED = pa.schema(
    [
        ("listing", pa.int32()),
        *(
            (name, pa.int64())
            for name in (
                "known", "absent", "landed", "new", "changed", "unchanged", "repeated", "quarantined"
            )
        ),
    ]
)  # fmt: skip
AT_ONCE = 10_000  # texts

Providers = Mapping[str, Provider]
"""The providers of the records that are merged, by name."""


def merge(
    db: duckdb.DuckDBPyConnection,
    landing: Landing,
    started_at: datetime,
    accepted: Mapping[str, int],
    finished_at: datetime | None = None,
    configured: Sequence[str] | None = None,
) -> None:
    """Merge the records of a run, and write the results of its listings, in one transaction.

    `accepted` gives, per connection, the exact number of removals that an operator has accepted. All listings
    ended at `finished_at`, or now. `configured` names the configured connections, if that is known.
    """
    providers = {one.connection.provider_name: one.connection.provider for one in landing.listings}
    begin_merge(db, run_listings(landing.listings, accepted), started_at, finished_at, configured)
    with transaction(db):
        count_records(db, landing.files, providers)
        judge(db)
        write_records(db)
        write_listings(db)


def begin_merge(
    db: duckdb.DuckDBPyConnection,
    listings: pa.Table,
    started_at: datetime,
    finished_at: datetime | None = None,
    configured: Sequence[str] | None = None,
) -> None:
    """Give the SQL of a merge what it reads apart from records: the rows of `RUN_LISTINGS`, and variables."""
    _create(db, "run_listings", listings)
    set_variables(
        db,
        started_at=started_at,
        finished_at=finished_at or datetime.now(UTC),
        configured_connections=None if configured is None else list(configured),
        rollcall_version=rollcall_version(),
    )


def count_records(db: duckdb.DuckDBPyConnection, files: Sequence[Path | str], providers: Providers) -> None:
    """Compare the records in Parquet `files` with the known ones: create `counted`, change no record."""
    if files:
        listed = ", ".join(literal(str(file)) for file in files)
        query = f"from read_parquet([{listed}], hive_partitioning = false)"
        db.execute(f"create or replace temp view landed as {query}")
    else:
        db.register("landed", RECORDS.empty_table())
    _run(db, "1_received")
    _compare(db, providers)
    _run(db, "2_classified")
    _run(db, "3_counted")


def read_counted(db: duckdb.DuckDBPyConnection) -> pa.Table:
    """The rows of `counted`, with the schema `COUNTED`; the caller may add up those of several parts."""
    return db.sql(f"select {', '.join(COUNTED.names)} from counted").to_arrow_table().cast(COUNTED)


def judge(db: duckdb.DuckDBPyConnection, totals: pa.Table | None = None) -> None:
    """Decide the outcome of each listing by `counted`, or by the `totals` of all parts of the records."""
    if totals is not None:
        _create(db, "counted", totals)
    _refuse_losses(db)
    _run(db, "4_outcomes")


def write_records(db: duckdb.DuckDBPyConnection) -> None:
    """Begin and end versions, after `count_records` and `judge`."""
    _run(db, "5_records")


def write_listings(db: duckdb.DuckDBPyConnection) -> None:
    """Write the facts about the run, after `judge`."""
    _run(db, "6_listings")


def run_listings(listings: Sequence[Listing], accepted: Mapping[str, int]) -> pa.Table:
    """The rows of `RUN_LISTINGS`: the results of listings, and what their outcomes depend on."""
    rows = [_run_listing(number, listing, accepted) for number, listing in enumerate(listings)]
    return pa.Table.from_pylist(rows, schema=RUN_LISTINGS)


def _run_listing(number: int, listing: Listing, accepted: Mapping[str, int]) -> dict[str, object]:
    connection = listing.connection
    return {
        **{name: value for name, value in vars(listing).items() if name in RUN_LISTINGS.names},
        "listing": number,
        "connection": connection.name,
        "provider": connection.provider_name,
        "entity": connection.provider.entity,
        "removal_limit": connection.settings.number("removal_limit"),
        "accepted": accepted.get(connection.name),
        "time_zone": connection.provider.time_zone(connection.settings),
    }


def _compare(db: duckdb.DuckDBPyConnection, providers: Providers) -> None:
    """Create `contents`: the content of undecided records, and of the known ones that they differ from."""
    undecided = db.sql(
        """
        select listing, position, provider, canonical_hash, payload, known_canonical_hash, known_payload
        from undecided
        """
    )
    rows = []
    for batch in undecided.to_arrow_reader(AT_ONCE):
        columns = (column.to_pylist() for column in batch.columns)
        for listing, position, name, new_hash, text, known_hash, known_text in zip(*columns, strict=True):
            provider = providers[name]
            before = known_hash or (known_text and canonical_hash(provider, known_text.encode()))
            now = new_hash or canonical_hash(provider, text.encode())
            has_new_volatile_fields = bool(known_text) and (
                volatile_hash(provider, known_text.encode()) != volatile_hash(provider, text.encode())
            )
            row = (listing, position, now, before, has_new_volatile_fields)
            rows.append(dict(zip(CONTENTS.names, row, strict=True)))
    _create(db, "contents", pa.Table.from_pylist(rows, schema=CONTENTS))


def _refuse_losses(db: duckdb.DuckDBPyConnection) -> None:
    """Check that every counted record was loaded: a load that loses one must not be published."""
    lost = db.execute(
        "select run_listings.connection, run_listings.records, counted.landed "
        "from run_listings inner join counted on run_listings.listing = counted.listing "
        "where counted.landed <> run_listings.records order by run_listings.listing"
    ).fetchall()
    if lost:
        connection, records, landed = lost[0]
        raise SyncError(
            f"{connection} sent {counted(records, 'record')}, but {landed:,} were loaded",
            "this is an internal error; please report it",
        )


def _create(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    db.register("new_rows", rows)
    db.execute(f"create or replace temp table {name} as from new_rows")
    db.unregister("new_rows")


def _run(db: duckdb.DuckDBPyConnection, name: str) -> None:
    db.execute(read_sql(f"merge/{name}"))
