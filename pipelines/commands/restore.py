"""`rollcall restore`: the former night back in the place of the published one."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.config.settings import warehouse_path
from pipelines.warehouse.publish import locked, put_back
from pipelines.warehouse.reader import open_warehouse


@dataclass(frozen=True)
class Restored:
    """What is published again: a file, and its last night. `aside` is the file that stood there, if any."""

    warehouse: Path
    last_night: datetime | None
    aside: Path | None


def restore(home: Path) -> Restored:
    """Publish the former night again, and keep what was published beside it.

    Raises WarehouseError where there is no former night or it cannot be read, NightRunning where one runs.
    """
    os.umask(0o077)  # as at night
    warehouse = warehouse_path(home)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = warehouse.with_name(f"{warehouse.stem}.aside-{now}{warehouse.suffix}")
    with locked(warehouse) as scratch:
        put_back(warehouse, scratch, aside)
    with open_warehouse(warehouse) as opened:
        row = opened.connection.execute("select max(started_at) from nights").fetchone()
    assert row is not None
    return Restored(warehouse, row[0], aside if aside.exists() else None)
