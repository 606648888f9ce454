"""Remember: one transaction moves a night's landing into `raw.*`, which only ever gains facts.

What it means is said by the SQL of `sql/remember`, run in the order of its file names.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.cells import literal
from pipelines.config import Connection
from pipelines.content import Record, Texts
from pipelines.errors import SyncError
from pipelines.listing import Listing
from pipelines.models import SQL_ROOT, transaction

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
        ("removal_limit", pa.float64()),
        ("accepted", pa.int64()),
        ("time_zone", pa.string()),
    ]
)
KNOWN_AT_ONCE = 50_000  # records, as rows of Arrow's


def remember(
    warehouse: duckdb.DuckDBPyConnection,
    landing: Path,
    listings: Sequence[Listing],
    started_at: datetime,
    accepted: Mapping[str, int],
    finished_at: datetime | None = None,
) -> None:
    """Write what the night received and how its listings went.

    `accepted` gives, per connection, the exact number of removals that an operator has agreed to. The
    listings had all ended at `finished_at`, or now.
    """
    rows = [_asked(number, listing, accepted) for number, listing in enumerate(listings)]
    warehouse.register("asked_rows", pa.Table.from_pylist(rows, schema=ASKED))
    warehouse.execute("create or replace temp table asked as from asked_rows")
    warehouse.unregister("asked_rows")
    warehouse.execute(f"create or replace temp view landed as from read_parquet({_files_of(landing)})")
    warehouse.execute("set variable started_at = $1::timestamptz", [started_at])
    warehouse.execute("set variable finished_at = $1::timestamptz", [finished_at or datetime.now(UTC)])
    warehouse.execute("set variable rollcall_version = $1", [version("rollcall")])
    with transaction(warehouse):
        for path in sorted((SQL_ROOT / "remember").glob("*.sql")):
            warehouse.execute(path.read_text())
        _refuse_losses(warehouse)


def known_texts(
    warehouse: duckdb.DuckDBPyConnection, connections: Sequence[Connection], windows: Mapping[str, datetime]
) -> Mapping[tuple[str, str | None], Texts]:
    """What is known of each listing, by connection and scope; of a window only what was created within it.

    Forgotten records are not known any more; of what was a forgotten customer's no text is.
    """
    names = [connection.name for connection in connections]
    starts = [windows.get(name) for name in names]
    texts = warehouse.execute(
        """
        select
            known.connection,
            known.scope,
            unhex(sha256(if(content_hash = 'forgotten', 'of ' || record_id, payload::text))),
            known.record_id,
            known.content_hash
        from raw.records as known
        inner join (
            select unnest($1::text[]) as connection, unnest($2::timestamptz[]) as since
        ) as asked on known.connection = asked.connection
        where
            known.valid_to is null and (asked.since is null or known.created_at > asked.since)
            and known.record_id not in (select pseudonym from raw.forgotten)
        """,
        [names, starts],
    )
    known: dict[tuple[str, str | None], dict[bytes, Record]] = defaultdict(dict)
    for batch in texts.to_arrow_reader(KNOWN_AT_ONCE):
        columns = (column.to_pylist() for column in batch.columns)
        for connection, scope, digest, record_id, content_hash in zip(*columns, strict=True):
            known[connection, scope][digest] = Record(record_id, None, content_hash)
    return known


def next_start(warehouse: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """When the night starts: now, to the millisecond, but later than every night before it."""
    row = warehouse.execute(
        "select greatest(date_trunc('millisecond', $now::timestamptz), "
        "(select max(started_at) + interval 1 millisecond from raw.nights))",
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


def _refuse_losses(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Every record that a listing counted must have landed: a load that loses one must not be published."""
    lost = warehouse.execute(
        "select asked.connection, asked.records, count(received.listing) as landed "
        "from asked left join received on asked.listing = received.listing "
        "group by asked.listing, asked.connection, asked.records having landed <> asked.records"
    ).fetchall()
    if lost:
        connection, records, landed = lost[0]
        raise SyncError(
            f"{connection} sent {records} records, {landed} landed", "this is a fault of Rollcall's own"
        )


def _files_of(landing: Path) -> str:
    """The landing's files of records, as a literal for SQL.

    Each is named: as a part of a pattern, a path with a backslash or a bracket would not be found.
    """
    files = sorted((landing / "received" / "records").glob("*.parquet"))
    return f"[{', '.join(literal(str(file)) for file in files)}]"
