"""Landing: dlt runs the connections side by side and loads what they receive as Parquet files.

Each connection is a dlt resource that yields Arrow tables; all of them load into one table, `records`, of a
folder that lives for one run. No field is interpreted here.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Connection
from pipelines.extract.listing import Batch, Listing, read_listing
from pipelines.extract.provider import ListingRequest
from pipelines.extract.records import Record, Texts

if TYPE_CHECKING:
    from dlt.extract.incremental import Incremental
    from dlt.extract.resource import DltResource

RECORDS = pa.schema(
    [
        ("listing", pa.int32()),  # index into the run's listings
        ("reading", pa.int32()),
        ("position", pa.int64()),  # in the order received, from 0
        ("record_id", pa.string()),
        ("payload", pa.string()),  # null if it equals the known text
        ("content_hash", pa.string()),
        ("canonical_hash", pa.string()),  # null if it was not needed
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("reason", pa.string()),  # why the record is quarantined; null if it is not
    ]
)
ROWS_PER_TABLE = 5_000

Known = Mapping[tuple[str, str | None], Texts]
"""The known records of each listing, by connection and scope."""
Progress = Callable[[Connection, str | None, int, int], None]


def land(
    connections: Sequence[Connection],
    windows: Mapping[str, datetime],
    known: Known,
    scratch: Path,
    deadline: float,
    progress: Progress,
) -> tuple[Path, tuple[Listing, ...]]:
    """Read every connection and load its records. Returns the landing folder and the result of each listing.

    `windows` gives the start of the window for connections that are read in part; `known` the known records
    of each listing. Records carry the index of their listing in the returned tuple. `progress` is called with
    the pages and records of a connection's scope.
    """
    from pipelines.config.dlt_runtime import dlt, isolated_settings

    landing = scratch / "landing"
    finished: dict[int, Listing] = {}
    numbers = itertools.count()
    with isolated_settings():
        resources = []
        for connection in connections:
            scopes = {next(numbers): scope for scope in connection.provider.scopes(connection.settings)}
            walk = functools.partial(receive, connection, scopes, known, deadline, progress, finished)
            resources.append(_resource(connection.name, windows.get(connection.name), walk))
        pipeline = dlt.pipeline(
            "run",
            pipelines_dir=str(scratch / "dlt"),
            destination=dlt.destinations.filesystem(str(landing)),
            dataset_name="received",
        )
        pipeline.run(dlt.source(lambda: resources, name="providers")(), loader_file_format="parquet")
    pa.default_memory_pool().release_unused()  # frees memory, which DuckDB needs next
    return landing, tuple(finished[number] for number in range(next(numbers)))


def _resource(
    name: str, since: datetime | None, walk: Callable[[datetime | None], Iterator[pa.Table]]
) -> "DltResource":
    from pipelines.config.dlt_runtime import dlt

    window: Incremental[datetime] | None = None
    if since is not None:
        window = dlt.sources.incremental("created_at", initial_value=since, primary_key=())

    # A resource takes no arguments: dlt would look their defaults up in the environment by their bare names.
    def records() -> Iterator[pa.Table]:
        if window:
            assert since
            window.advance(since)  # the provider applies the window; dlt must not filter what it sent
        yield from walk(since)

    return dlt.resource(records, name=name, table_name="records", parallelized=True, incremental=window)


def receive(
    connection: Connection,
    scopes: Mapping[int, str | None],
    known: Known,
    deadline: float,
    progress: Progress,
    finished: dict[int, Listing],
    since: datetime | None,
) -> Iterator[pa.Table]:
    """Yield the records of one connection as tables of `RECORDS`; `finished` gets the listings' results.

    `scopes` gives the index of each listing; `since` is the start of their window. The last table is empty,
    so that the columns exist even without records.
    """
    asked_since = since and since - connection.window_margin

    def finish(number: int, listing: Listing) -> None:
        finished[number] = replace(listing, since=since)

    with HttpClient(connection, deadline) as api:
        for number, scope in scopes.items():
            api.begin_listing()
            listing = read_listing(
                api,
                connection,
                ListingRequest(connection.settings, scope, asked_since),
                known.get((connection.name, scope), {}),
                functools.partial(progress, connection, scope),
                functools.partial(finish, number),
            )
            yield from _tables(number, listing)
    yield RECORDS.empty_table()


def _tables(listing: int, batches: Iterator[Batch]) -> Iterator[pa.Table]:
    """The records as tables of a few thousand rows; a table holds records of one reading."""
    for reading, walk in itertools.groupby(batches, key=lambda batch: batch.reading):
        landed = 0
        waiting: list[Record] = []
        for batch in walk:
            waiting += batch.records
            if len(waiting) >= ROWS_PER_TABLE:
                yield _table(listing, reading, landed, waiting)
                landed += len(waiting)
                waiting = []
        if waiting:
            yield _table(listing, reading, landed, waiting)
            landed += len(waiting)


def _table(listing: int, reading: int, position: int, records: Sequence[Record]) -> pa.Table:
    count = len(records)
    columns = [
        [listing] * count,
        [reading] * count,
        range(position, position + count),
        *zip(*records, strict=True),
    ]
    return pa.Table.from_pydict(dict(zip(RECORDS.names, columns, strict=True)), schema=RECORDS)
