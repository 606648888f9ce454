"""One transaction merges the landing of a run into `raw.*`, which only ever gains facts.

The files of `sql/merge` run in the order of their names. After the first file, Python compares the content of
records whose bytes differ.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.common.errors import SyncError
from pipelines.common.sql import SQL_ROOT, literal, transaction
from pipelines.common.version import rollcall_version
from pipelines.extract.listing import Listing
from pipelines.extract.records import canonical_hash
from pipelines.load.landing import Landing

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
    ]
)
AT_ONCE = 10_000  # texts


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
    rows = [_run_listing(number, listing, accepted) for number, listing in enumerate(landing.listings)]
    db.register("listing_rows", pa.Table.from_pylist(rows, schema=RUN_LISTINGS))
    db.execute("create or replace temp table run_listings as from listing_rows")
    db.unregister("listing_rows")
    db.execute(f"create or replace temp view landed as from read_parquet({_files_in(landing.folder)})")
    db.execute("set variable started_at = $1::timestamptz", [started_at])
    db.execute("set variable finished_at = $1::timestamptz", [finished_at or datetime.now(UTC)])
    names = None if configured is None else list(configured)
    db.execute("set variable configured_connections = $1::text[]", [names])
    db.execute("set variable rollcall_version = $1", [rollcall_version()])
    with transaction(db):
        received, *rest = sorted((SQL_ROOT / "merge").glob("*.sql"))
        db.execute(received.read_text())
        _compare(db, landing.listings)
        for path in rest:
            db.execute(path.read_text())
        _refuse_losses(db)


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


def _compare(db: duckdb.DuckDBPyConnection, listings: Sequence[Listing]) -> None:
    """Create `contents`: the content of undecided records, and of the known ones that they differ from."""
    providers = {one.connection.provider_name: one.connection.provider for one in listings}
    undecided = db.execute(
        """
        select listing, position, provider, canonical_hash, payload, known_canonical_hash, known_payload
        from undecided
        """
    )
    rows = []
    for batch in undecided.to_arrow_reader(AT_ONCE):
        columns = (column.to_pylist() for column in batch.columns)
        for listing, position, name, new_hash, text, known_hash, known_text in zip(*columns, strict=True):
            before = canonical_hash(providers[name], known_text.encode()) if known_text else known_hash
            now = new_hash or canonical_hash(providers[name], text.encode())
            rows.append(dict(zip(CONTENTS.names, (listing, position, now, before), strict=True)))
    db.register("content_rows", pa.Table.from_pylist(rows, schema=CONTENTS))
    db.execute("create or replace temp table contents as from content_rows")
    db.unregister("content_rows")


def _refuse_losses(db: duckdb.DuckDBPyConnection) -> None:
    """Check that every counted record was loaded: a load that loses one must not be published."""
    lost = db.execute(
        "select run_listings.connection, run_listings.records, count(received.listing) as landed "
        "from run_listings left join received on run_listings.listing = received.listing "
        "group by run_listings.listing, run_listings.connection, run_listings.records "
        "having landed <> run_listings.records"
    ).fetchall()
    if lost:
        connection, records, landed = lost[0]
        raise SyncError(
            f"{connection} sent {records} records, but {landed} were loaded",
            "this is an internal error; please report it",
        )


def _files_in(landing: Path) -> str:
    """The landing's files of records, as a literal for SQL.

    They are listed one by one, because a pattern would not match a path with a backslash or a bracket.
    """
    files = sorted((landing / "received" / "records").glob("*.parquet"))
    return f"[{', '.join(literal(str(file)) for file in files)}]"
