"""The rows that differ from those at a destination, as a Parquet file for each table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from pipelines.common.errors import ConfigurationError, WarehouseError
from pipelines.common.sql import literal
from pipelines.destinations.columns import Table, changed_rows_sql, read_table
from pipelines.destinations.kinds import DELETED, HASH, KEY, Kind
from pipelines.transform.model import Model
from pipelines.warehouse.published import open_published
from pipelines.warehouse.reader import Warehouse
from pipelines.warehouse.runs import read_last_run

STORED = pa.schema([(KEY, pa.string()), (HASH, pa.int64())])
"""The rows of a destination, as they are compared: the key and the hash of each."""


@dataclass(frozen=True)
class Changes:
    """The rows of a table that differ from those at the destination.

    `file` holds the rows, with the columns of `Table.json_columns` and `DELETED`; `stored` are the rows at
    the destination, None if it lacks the table. `sent` and `deleted` count rows.
    """

    table: Table
    file: Path
    stored: pa.Table | None
    sent: int
    deleted: int

    @property
    def is_any(self) -> bool:
        """Whether anything differs."""
        return bool(self.sent or self.deleted)


def find_changes(
    home: Path, models: Sequence[Model], kind: Kind, stored: Mapping[str, pa.Table | None], folder: Path
) -> tuple[datetime, tuple[Changes, ...]]:
    """Compare the published warehouse of `home` with what is stored at the destination.

    Returns when the last run started, and the changes of each table, with their files in `folder`. Raises
    WarehouseError if there is no run, ConfigurationError if rows of a table have the same key.
    """
    with open_published(home, workspace_in=folder) as warehouse:
        last_run = read_last_run(warehouse.db, "runs")
        if last_run is None:
            raise WarehouseError(f"there is no run in {warehouse.name} yet", "run `rollcall sync`")
        changes = [_changes(warehouse, model, kind, stored[model.name], folder) for model in models]
        return last_run.started_at, tuple(changes)


def _changes(
    warehouse: Warehouse, model: Model, kind: Kind, stored: pa.Table | None, folder: Path
) -> Changes:
    db = warehouse.db
    table = read_table(warehouse, model, kind)
    db.register("stored", STORED.empty_table() if stored is None else stored)
    written = warehouse.workspace / f"{model.name}.parquet"
    rows = changed_rows_sql(table, has_stored=bool(stored))
    db.execute(f"copy ({rows}) to {literal(str(written))} (format parquet)")
    db.unregister("stored")
    row = db.execute(
        f"""
        select count(*) filter (where not {DELETED}), count(*) filter (where {DELETED}), count(distinct {KEY})
        from read_parquet({literal(str(written))})
        """
    ).fetchone()
    assert row is not None
    sent, deleted, keys = row
    if keys != sent + deleted:
        raise ConfigurationError(
            f"{model.path} has several rows with the same {', '.join(table.grain)}",
            "correct its `-- grain:`, which must identify a row",
        )
    return Changes(table, written.rename(folder / written.name), stored, sent, deleted)
