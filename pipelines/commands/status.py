"""`rollcall status`: how fresh the warehouse is, connection by connection."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pipelines.common.exit_codes import ExitCode
from pipelines.common.sql import read_sql
from pipelines.output.cells import text
from pipelines.output.result import Rows, rows_of, text_rows
from pipelines.warehouse.published import bytes_of
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Run:
    """A run that was published: times as text, and whether all of it was verified."""

    started_at: str
    finished_at: str
    outcome: str


@dataclass(frozen=True)
class Stale:
    """A connection that was not verified in the time allowed; `last_verified_at` is None if it never was."""

    connection: str
    last_verified_at: str | None


@dataclass(frozen=True)
class Status:
    """The warehouse and its size, its last run, a row for each connection, and which are stale."""

    warehouse: str
    bytes: int
    last_run: Run | None
    connections: Rows
    stale: tuple[Stale, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """PARTIAL if a connection is stale."""
        return ExitCode.PARTIAL if self.stale else ExitCode.DONE


def status(
    warehouse: Warehouse, oldest: datetime | None = None, configured: Collection[str] | None = None
) -> Status:
    """The state of the warehouse.

    A connection is stale if it was not verified since `oldest`. `configured` names those that can be stale;
    None: those that were configured in the last run.
    """
    runs = rows_of(warehouse, read_sql("queries/last_sync"))
    last = next((batch[0] for batch in text_rows(runs)), None)
    return Status(
        warehouse=warehouse.name,
        bytes=bytes_of(warehouse),
        last_run=None if last is None else Run(*(cell or "" for cell in last)),
        connections=rows_of(warehouse, read_sql("queries/status/connections")),
        stale=() if oldest is None else tuple(_stale(warehouse, oldest, configured)),
    )


def _stale(warehouse: Warehouse, oldest: datetime, configured: Collection[str] | None) -> list[Stale]:
    sql = read_sql(
        "queries/status/verified", verified_at=text("last_verified_at", "TIMESTAMP WITH TIME ZONE")
    )
    rows = warehouse.db.execute(sql, {"oldest": oldest}).fetchall()
    verified: dict[str, tuple[bool, str | None]] = {name: (fresh, at) for name, fresh, at, _ in rows}
    in_use = [name for name, _, _, is_in_use in rows if is_in_use]
    judged = in_use if configured is None else configured
    states = {name: verified.get(name, (False, None)) for name in sorted(judged)}
    return [Stale(name, at) for name, (fresh, at) in states.items() if not fresh]
