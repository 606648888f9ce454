"""`rollcall restore`: publishes the previous run's file again."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.config.settings import warehouse_path
from pipelines.warehouse.publish import locked, put_back
from pipelines.warehouse.reader import open_warehouse


@dataclass(frozen=True)
class Restored:
    """What is published again: a file, and its last run. `aside` is the file that stood there, if any."""

    warehouse: Path
    last_run: datetime | None
    aside: Path | None


def restore(home: Path) -> Restored:
    """Publish the previous run's file again, and keep the replaced file.

    Raises WarehouseError if there is no previous file or it cannot be read, RunInProgress if one is going on.
    """
    os.umask(0o077)  # as during a run
    warehouse = warehouse_path(home)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = warehouse.with_name(f"{warehouse.stem}.replaced-{now}{warehouse.suffix}")
    with locked(warehouse) as scratch:
        put_back(warehouse, scratch, aside)
    with open_warehouse(warehouse) as opened:
        row = opened.connection.execute("select max(started_at) from runs").fetchone()
    assert row is not None
    return Restored(warehouse, row[0], aside if aside.exists() else None)
