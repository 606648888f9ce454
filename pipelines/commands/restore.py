"""`rollcall restore`: publishes an earlier run, or a backup, again."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.commands.backup import backed_up_in
from pipelines.common.errors import SyncError, UsageError, WarehouseError
from pipelines.config.settings import warehouse_access, warehouse_path
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path, previous_paths, replaced_paths
from pipelines.warehouse.publish import put_back
from pipelines.warehouse.published import refuse_lakehouse
from pipelines.warehouse.reader import open_warehouse
from pipelines.warehouse.runs import read_last_run


@dataclass(frozen=True)
class Restored:
    """What is published again, its source, and its last run.

    `aside` is the file that was there before, if any. `unfinished` says what failed afterwards.
    """

    warehouse: Path
    source: Path
    last_run: datetime | None
    aside: Path | None
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restorable:
    """A file next to the warehouse: its last run, or why it cannot be read."""

    file: Path
    bytes: int
    last_run: datetime | None
    problem: str | None


def restore(home: Path, chosen: Path | None = None) -> Restored:
    """Publish the previous run's file again, or the `chosen` one, and keep the replaced file next to it.

    `chosen` is the name of a file next to the warehouse, the path of a file, or the folder of a backup.
    Raises WarehouseError if there is no previous file or the file cannot be read, UsageError if there is
    no such file, RunInProgress if a run is in progress.
    """
    os.umask(0o077)  # as during a run
    _refuse_lakehouse(home)
    warehouse, access = warehouse_path(home), warehouse_access(home)
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = warehouse.with_name(f"{warehouse.stem}.replaced-{now}{warehouse.suffix}")
    with locked(warehouse) as scratch:
        source = _find(warehouse, chosen)
        unfinished = put_back(source, warehouse, scratch, aside, access)
    return Restored(warehouse, source, _last_run(warehouse), aside if aside.exists() else None, unfinished)


def restorable(home: Path) -> tuple[Restorable, ...]:
    """The files next to the warehouse that can be restored: earlier runs, then files that were replaced."""
    _refuse_lakehouse(home)
    warehouse = warehouse_path(home)
    asides = (path for path in replaced_paths(warehouse) if path.suffix == warehouse.suffix)
    return tuple(_look_into(path) for path in (*previous_paths(warehouse).values(), *asides))


def _refuse_lakehouse(home: Path) -> None:
    refuse_lakehouse(
        home, "restore", "read an earlier run with query --as-of-run; to go back, restore catalog and data"
    )


def _find(warehouse: Path, chosen: Path | None) -> Path:
    if chosen is None:
        previous = previous_path(warehouse)
        if not previous.exists():
            raise WarehouseError(f"there is no previous run's file at {previous}", "name a file to publish")
        return previous
    neighbour = warehouse.with_name(chosen.name)
    source = neighbour if chosen == Path(chosen.name) and neighbour.exists() else chosen.absolute()
    if source.is_dir():
        return backed_up_in(source)
    if not source.is_file():
        raise UsageError(f"there is no file {source}", "see what there is: rollcall restore --list")
    return source


def _look_into(path: Path) -> Restorable:
    last_run = problem = None
    try:
        last_run = _last_run(path)
    except SyncError as error:
        problem = error.reason
    return Restorable(path, path.stat().st_size, last_run, problem)


def _last_run(warehouse: Path) -> datetime | None:
    with open_warehouse(warehouse) as opened:
        last_run = read_last_run(opened.db, "runs")
    return None if last_run is None else last_run.started_at
