"""The listings of a run: reads each as Arrow tables, and keeps its result."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Connection
from pipelines.extract.listing import Batch, Listing, ListingReader
from pipelines.extract.provider import ListingRequest
from pipelines.extract.records import Record
from pipelines.load.plan import KnownListings

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

Progress = Callable[[Connection, str | None, int, int], None]
"""Called with a connection, a scope, and its numbers of pages and records so far."""


@dataclass
class Listings:
    """The listings of a run, one for each scope of each connection, numbered in their order from 0.

    `windows` has the start of the window of each connection that is listed in part. `known` has the known
    records of each listing, which takes its own out, so that their memory is free when it ends. `deadline`
    ends the run, in seconds of `time.monotonic`.
    """

    connections: Sequence[Connection]
    windows: Mapping[str, datetime] = field(default_factory=dict)
    known: KnownListings = field(default_factory=dict)
    deadline: float = math.inf
    progress: Progress = lambda *_: None
    _results: dict[int, Listing] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        places = [
            (one.name, scope) for one in self.connections for scope in one.provider.scopes(one.settings)
        ]
        self._numbers = {place: number for number, place in enumerate(places)}

    @property
    def results(self) -> tuple[Listing, ...]:
        """The result of each listing, by its number. All of them must have ended."""
        return tuple(self._results[number] for number in range(len(self._numbers)))

    def receive(self, connection: Connection) -> Iterator[pa.Table]:
        """Read the listings of one connection; yields their records as tables of `RECORDS`.

        The last table is empty, so that the columns exist even without records.
        """
        since = self.windows.get(connection.name)
        with HttpClient(connection, self.deadline) as api:
            for scope in connection.provider.scopes(connection.settings):
                api.begin_listing()
                listing = ListingReader(
                    api,
                    connection,
                    ListingRequest(connection.settings, scope, since and since - connection.window_margin),
                    self.known.pop((connection.name, scope), {}),
                    functools.partial(self.progress, connection, scope),
                )
                number = self._numbers[connection.name, scope]
                yield from _tables(number, listing.batches())
                self._results[number] = replace(listing.result, since=since)
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


def _table(listing: int, reading: int, position: int, records: Sequence[Record]) -> pa.Table:
    count = len(records)
    columns = [
        [listing] * count,
        [reading] * count,
        range(position, position + count),
        *zip(*records, strict=True),
    ]
    return pa.Table.from_pydict(dict(zip(RECORDS.names, columns, strict=True)), schema=RECORDS)
