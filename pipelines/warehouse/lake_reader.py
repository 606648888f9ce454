"""A lakehouse, open for reading only, with the limits that a file has.

A reader sees one snapshot from beginning to end, and neither waits for a run nor delays one.
"""

import contextlib
import functools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipelines.common.database import open_database
from pipelines.common.errors import UsageError
from pipelines.common.sql import read_sql
from pipelines.config.lake import LakeSettings
from pipelines.warehouse.catalog import (
    LAKE,
    as_warehouse_error,
    attach,
    current_snapshot,
    holds_rows,
    nothing_published,
)
from pipelines.warehouse.reader import BOUNDS, Warehouse, close_session, reading


@contextlib.contextmanager
def open_lake(
    lake: LakeSettings,
    *,
    seconds: float | None = None,
    workspace_in: Path | None = None,
    time_zone: str = "UTC",
    as_of_run: datetime | None = None,
) -> Iterator[Warehouse]:
    """Open a lakehouse as it is now, or as the last run begun at or before `as_of_run` left it.

    Otherwise as `reader.open_warehouse`. Raises UsageError if there is no such run or its snapshot has
    expired.
    """
    with reading(
        lake.name,
        functools.partial(_connect, lake, time_zone, as_of_run),
        functools.partial(as_warehouse_error, lake),
        seconds=seconds,
        workspace_in=workspace_in,
    ) as warehouse:
        yield warehouse


def _connect(
    lake: LakeSettings, time_zone: str, as_of_run: datetime | None, workspace: Path
) -> duckdb.DuckDBPyConnection:
    db = open_database(settings=BOUNDS | {"temp_directory": str(workspace)}, time_zone=time_zone)
    try:
        attach(db, lake, read_only=True)
        if not holds_rows(db):
            raise nothing_published(lake)
        snapshot = current_snapshot(db) if as_of_run is None else _snapshot_of_run(db, lake, as_of_run)
        db.execute(f"detach {LAKE}")
        attach(db, lake, read_only=True, snapshot=snapshot)
        db.execute(f"use {LAKE}")
        close_session(db, f"{workspace}/", lake.data)
    except BaseException:
        db.close()
        raise
    return db


def _snapshot_of_run(db: duckdb.DuckDBPyConnection, lake: LakeSettings, moment: datetime) -> int:
    """The last snapshot of the last run begun at or before `moment`."""
    row = db.execute(
        read_sql("queries/lake/snapshot_of_run", snapshots=f"{LAKE}.snapshots()"), {"moment": moment}
    ).fetchone()
    if row is None or row[0] is None:
        raise UsageError(
            f"{lake.name} has no snapshot of a run begun by {moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            'see the runs: rollcall query "from runs"; snapshots that have expired are gone',
        )
    return int(row[0])
