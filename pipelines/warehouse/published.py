"""The published warehouse of a home: a file or a lakehouse."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipelines.common.errors import UsageError, WarehouseError
from pipelines.common.files import STATE_FOLDER
from pipelines.common.sql import read_sql
from pipelines.config.lake import lake_settings
from pipelines.config.settings import warehouse_path
from pipelines.warehouse import reader
from pipelines.warehouse.paths import previous_path
from pipelines.warehouse.reader import Warehouse, open_warehouse


@contextlib.contextmanager
def open_published(
    home: Path,
    *,
    seconds: float | None = None,
    workspace_in: Path | None = None,
    time_zone: str = "UTC",
    as_of_run: datetime | None = None,
) -> Iterator[Warehouse]:
    """Open the warehouse that `home` publishes, as `reader.open_warehouse` opens a file.

    `as_of_run` opens a lakehouse as the last run that began by then left it. Raises UsageError for a file.
    """
    lake = lake_settings(home)
    if lake is None:
        path = warehouse_path(home)
        if as_of_run is not None:
            raise UsageError(
                "--as-of-run needs a lakehouse",
                "a file has its history: projects_as_of(timestamp) and projects_history",
            )
        refuse_missing(home)
        with open_warehouse(
            path, seconds=seconds, workspace_in=workspace_in, time_zone=time_zone
        ) as warehouse:
            yield warehouse
        return
    from pipelines.warehouse.lake_reader import open_lake

    with open_lake(
        lake, seconds=seconds, workspace_in=workspace_in, time_zone=time_zone, as_of_run=as_of_run
    ) as warehouse:
        yield warehouse


def refuse_missing(home: Path) -> None:
    """Raise WarehouseError if the file is missing. For a lakehouse, this shows only when it is opened."""
    if lake_settings(home) is not None:
        return
    path = warehouse_path(home)
    if has_published(home) and reader.is_missing(path) and not previous_path(path).exists():
        raise lost(str(path), is_shared=False)
    reader.refuse_missing(path)


def mark_path(home: Path) -> Path:
    """The file that shows that a home has published a run, wherever its warehouse is."""
    return home / STATE_FOLDER / "published"


def has_published(home: Path) -> bool:
    """Whether a run in this home has been published."""
    return mark_path(home).exists()


def lost(name: str, *, is_shared: bool) -> WarehouseError:
    """The error for a warehouse that a home has published to, and that is missing."""
    remedy = "mount its disk or put it back"
    if is_shared:
        remedy = "check catalog of [warehouse]; to bring the history of a file, run: rollcall migrate FILE"
    return WarehouseError(
        f"there is no warehouse at {name}, but this home has published one before",
        f"{remedy}; to begin a new history, run: rollcall sync --first-run",
    )


def refuse_lakehouse(home: Path, verb: str, remedy: str) -> None:
    """Raise UsageError if `verb`, which works on files, was called for a lakehouse."""
    if lake_settings(home) is not None:
        raise UsageError(f"{verb} works on files, and this warehouse is a lakehouse", remedy)


def bytes_of(warehouse: Warehouse) -> int:
    """The size of a warehouse on disk; of a lakehouse, that of the files that its snapshot reads."""
    if warehouse.path is not None:
        return warehouse.path.stat().st_size
    row = warehouse.db.execute(
        "select sum(file_size_bytes + delete_file_size_bytes) from lake.table_info()"
    ).fetchone()
    return int(row[0] or 0) if row else 0


def columns_sql(warehouse: Warehouse) -> str:
    """SQL for the columns of all tables, with their descriptions."""
    return read_sql(f"queries/describe/{'columns' if warehouse.path else 'lake_columns'}")
