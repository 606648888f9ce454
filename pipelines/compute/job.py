"""What is sent to workers, and what they return: plain values that can be pickled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from pipelines.compute.parcel import Asked, HomeFiles
from pipelines.transform.build import Finding
from pipelines.warehouse.exchange import Exchange
from pipelines.warehouse.lake_parts import Changes
from pipelines.warehouse.lake_tables import Columns

Report = Callable[[str, str | None, int, int], None]
"""Called with the names of a connection and a scope, and the numbers of pages and records so far."""


@dataclass(frozen=True)
class Job:
    """What all units of a run have in common.

    `snapshot` is the one of the lakehouse that all of them read, and `columns` those of its tables; None if
    nothing was ever published. The run must end within `seconds`.
    """

    exchange: Exchange = field(repr=False)
    snapshot: int | None
    columns: Mapping[str, Columns] = field(repr=False)
    started_at: datetime
    full: bool
    accepted: Mapping[str, int]
    unit_records: int
    memory_mb: int
    files: HomeFiles = field(repr=False)
    seconds: float


@dataclass(frozen=True)
class ConnectionUnit:
    """One connection, and the number of its known versions."""

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
