"""`rollcall status`: how fresh the warehouse is, connection by connection."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.output.result import Rows, rows_of, text_rows
from pipelines.warehouse.reader import Warehouse

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
class Stale:
    """A connection that was not proven in the time allowed: when it last was, as text; None for never."""

    connection: str
    last_proven_at: str | None


@dataclass(frozen=True)
class Status:
    """The warehouse's file and its size, its last night, a row for each connection, and which are stale."""

    warehouse: Path
    bytes: int
    last_night: Night | None
    connections: Rows
    stale: tuple[Stale, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 where none is stale, else 3, as for a night that was not all proven."""
        return 3 if self.stale else 0


def status(
    warehouse: Warehouse, oldest: datetime | None = None, configured: Collection[str] | None = None
) -> Status:
    """How the warehouse stands.

    A connection is stale that was not proven since `oldest`: of those `configured`, or of all that are known.
    """
    nights = rows_of(
        warehouse, "select started_at, finished_at, outcome from nights order by started_at desc limit 1"
    )
    last = next((batch[0] for batch in text_rows(nights)), None)
    return Status(
        warehouse=warehouse.path,
        bytes=warehouse.path.stat().st_size,
        last_night=None if last is None else Night(*(cell or "" for cell in last)),
        connections=rows_of(warehouse, _CONNECTIONS),
        stale=() if oldest is None else tuple(_stale(warehouse, oldest, configured)),
    )


def _stale(warehouse: Warehouse, oldest: datetime, configured: Collection[str] | None) -> list[Stale]:
    rows = warehouse.connection.execute("select connection, last_proven_at from connections").fetchall()
    proven: dict[str, datetime | None] = dict(rows)
    judged = proven.keys() if configured is None else configured
    return [
        Stale(name, f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None)
        for name in sorted(judged)
        if (at := proven.get(name)) is None or at < oldest
    ]
