"""The published warehouse of a home: a file or a lakehouse."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pipelines.common.errors import UsageError
from pipelines.common.sql import read_sql
from pipelines.config.lake import lake_settings
from pipelines.config.settings import warehouse_path
from pipelines.warehouse import reader
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
    if lake_settings(home) is None:
        reader.refuse_missing(warehouse_path(home))


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
