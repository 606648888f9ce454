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
from pipelines.extract.connections import Connection
from pipelines.extract.listing import Listing
from pipelines.extract.records import canonical_hash
from pipelines.load.landing import Known

ASKED = pa.schema(
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
        ("doubt", pa.string()),
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
    warehouse: duckdb.DuckDBPyConnection,
    landing: Path,
    listings: Sequence[Listing],
    started_at: datetime,
    accepted: Mapping[str, int],
    finished_at: datetime | None = None,
    configured: Sequence[str] | None = None,
) -> None:
    """Merge the records of a run, and write the results of its listings.

    `accepted` gives, per connection, the exact number of removals that an operator has accepted. All listings
    ended at `finished_at`, or now. `configured` names the configured connections, if that is known.
    """
    rows = [_asked(number, listing, accepted) for number, listing in enumerate(listings)]
    warehouse.register("asked_rows", pa.Table.from_pylist(rows, schema=ASKED))
    warehouse.execute("create or replace temp table asked as from asked_rows")
    warehouse.unregister("asked_rows")
    warehouse.execute(f"create or replace temp view landed as from read_parquet({_files_of(landing)})")
    warehouse.execute("set variable started_at = $1::timestamptz", [started_at])
    warehouse.execute("set variable finished_at = $1::timestamptz", [finished_at or datetime.now(UTC)])
    names = None if configured is None else list(configured)
    warehouse.execute("set variable configured_connections = $1::text[]", [names])
    warehouse.execute("set variable rollcall_version = $1", [rollcall_version()])
    with transaction(warehouse):
        received, *rest = sorted((SQL_ROOT / "merge").glob("*.sql"))
        warehouse.execute(received.read_text())
        _compare(warehouse, listings)
        for path in rest:
            warehouse.execute(path.read_text())
        _refuse_losses(warehouse)


def known_texts(
    warehouse: duckdb.DuckDBPyConnection, connections: Sequence[Connection], windows: Mapping[str, datetime]
) -> Known:
    """The known records of each listing, by connection and scope; for a window, only those created within it.

    Erased records are not known any more, nor is any text of an erased customer's files.
    """
    names = [connection.name for connection in connections]
    starts = [windows.get(name) for name in names]
    warehouse.execute("set variable asked_connections = $1::text[]", [names])
    warehouse.execute("set variable asked_since = $1::timestamptz[]", [starts])
    places = warehouse.execute(
        """
        select
            known.connection,
            known.scope,
            list(if(content_hash = 'forgotten', 'of ' || record_id, content_hash)),
            list(known.record_id)
        from raw.records as known
        inner join (
            select
                unnest(getvariable('asked_connections')) as connection,
                unnest(getvariable('asked_since')) as since
        ) as asked on known.connection = asked.connection
        where
            known.valid_to is null and (asked.since is null or known.created_at > asked.since)
            and known.record_id not in (select pseudonym from raw.forgotten)
        group by all
        """
    ).fetchall()
    return {(name, scope): dict(zip(texts, ids, strict=True)) for name, scope, texts, ids in places}


def next_start(warehouse: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """The start of the run: now, to the millisecond, but later than every earlier run."""
    row = warehouse.execute(
        "select greatest(date_trunc('millisecond', $now::timestamptz), "
        "(select max(started_at) + interval 1 millisecond from raw.runs))",
        {"now": now},
    ).fetchone()
    assert row is not None
    start: datetime = row[0]
    return start


def _asked(number: int, listing: Listing, accepted: Mapping[str, int]) -> dict[str, object]:
    connection = listing.connection
    return {
        **{name: value for name, value in vars(listing).items() if name in ASKED.names},
        "listing": number,
        "connection": connection.name,
        "provider": connection.provider_name,
        "entity": connection.provider.entity,
        "removal_limit": connection.settings.number("removal_limit"),
        "accepted": accepted.get(connection.name),
        "time_zone": connection.provider.time_zone(connection.settings),
    }


def _compare(warehouse: duckdb.DuckDBPyConnection, listings: Sequence[Listing]) -> None:
    """Create `contents`: the content of undecided records, and of the known ones that they differ from."""
    providers = {one.connection.provider_name: one.connection.provider for one in listings}
    undecided = warehouse.execute(
        """
        select listing, position, provider, canonical_hash, payload, known_canonical_hash, known_payload
        from undecided
        """
    )
    rows = []
    for batch in undecided.to_arrow_reader(AT_ONCE):
        columns = (column.to_pylist() for column in batch.columns)
        for listing, position, name, said, text, known_said, known_text in zip(*columns, strict=True):
            of_known = known_said
            if known_text:
                of_known = canonical_hash(providers[name], known_text.encode())
            of_text = said or canonical_hash(providers[name], text.encode())
            rows.append(dict(zip(CONTENTS.names, (listing, position, of_text, of_known), strict=True)))
    warehouse.register("content_rows", pa.Table.from_pylist(rows, schema=CONTENTS))
    warehouse.execute("create or replace temp table contents as from content_rows")
    warehouse.unregister("content_rows")


def _refuse_losses(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Check that every counted record was loaded: a load that loses one must not be published."""
    lost = warehouse.execute(
        "select asked.connection, asked.records, count(received.listing) as landed "
        "from asked left join received on asked.listing = received.listing "
        "group by asked.listing, asked.connection, asked.records having landed <> asked.records"
    ).fetchall()
    if lost:
        connection, records, landed = lost[0]
        raise SyncError(
            f"{connection} sent {records} records, but {landed} were loaded",
            "this is an internal error; please report it",
        )


def _files_of(landing: Path) -> str:
    """The landing's files of records, as a literal for SQL.

    They are listed one by one, because a pattern would not match a path with a backslash or a bracket.
    """
    files = sorted((landing / "received" / "records").glob("*.parquet"))
    return f"[{', '.join(literal(str(file)) for file in files)}]"
