"""The last run of a warehouse, and when the next one starts."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import duckdb

from pipelines.common.sql import read_sql

MILLISECOND = timedelta(milliseconds=1)


class LastRun(NamedTuple):
    """The last run or operation that was published, and the versions that wrote it."""

    started_at: datetime
    finished_at: datetime
    outcome: str
    rollcall_version: str
    duckdb_version: str

    @property
    def name(self) -> str:
        """Its start as the name of a folder, such as 20261103T020000Z."""
        return f"{self.started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def read_last_run(db: duckdb.DuckDBPyConnection, runs: str = "raw.runs") -> LastRun | None:
    """The last run in the table `runs`; None if it is empty."""
    row = db.execute(read_sql("queries/last_run", runs=runs)).fetchone()
    return None if row is None else LastRun(*row)


def next_start(db: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    """The start of a run: `now`, to the millisecond, or a millisecond after the last run if that is later."""
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    last = read_last_run(db)
    return now if last is None else max(now, last.started_at + MILLISECOND)
