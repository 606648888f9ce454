"""`rollcall status`: how fresh the warehouse is, connection by connection."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.reading import Warehouse
from pipelines.rows import Rows, rows_of, text_rows

_CONNECTIONS = """
    select connection, provider, records, last_attempt_at, last_proven_at, outcome, message
    from connections
    order by connection
"""


@dataclass(frozen=True)
class Night:
    """A night that was published: instants as text, and whether all of it was proven."""

    started_at: str
    finished_at: str
    outcome: str


@dataclass(frozen=True)
class Status:
    """The warehouse's file and its size, its last night, and a row for each connection."""

    warehouse: Path
    bytes: int
    last_night: Night | None
    connections: Rows


def status(warehouse: Warehouse) -> Status:
    """How the warehouse stands."""
    nights = rows_of(
        warehouse, "select started_at, finished_at, outcome from nights order by started_at desc limit 1"
    )
    last = next((batch[0] for batch in text_rows(nights)), None)
    return Status(
        warehouse=warehouse.path,
        bytes=warehouse.path.stat().st_size,
        last_night=None if last is None else Night(*(cell or "" for cell in last)),
        connections=rows_of(warehouse, _CONNECTIONS),
    )
