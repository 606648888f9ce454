"""The table `publications` at a destination: a row for each publication, written last."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pipelines.common.version import rollcall_version
from pipelines.destinations.changes import Changes
from pipelines.destinations.columns import Column, Table
from pipelines.destinations.kinds import DELETED, HASH, KEY, PUBLICATIONS

_COLUMNS = {
    "run_started_at": "start of the run whose tables were published; the latest is what the tables hold",
    "published_at": "when the publication began",
    "rollcall_version": "version of Rollcall that published it",
    "rows_sent": "rows that were added or changed, over all tables",
    "rows_deleted": "rows that were deleted, over all tables",
    "descriptions_hash": "of the descriptions; if it differs, Rollcall writes them again",
    "table_versions": "Delta and Iceberg: version or snapshot of each table with this run; null elsewhere",
}
TABLE = Table(
    PUBLICATIONS,
    "Every publication by Rollcall. Its last row says which run the other tables hold.",
    ("published_at",),
    ("published_at",),
    tuple(Column(name, name, name, name == "table_versions", about) for name, about in _COLUMNS.items()),
)
_SCHEMA = pa.schema(
    [
        ("run_started_at", pa.timestamp("us", tz="UTC")),
        ("published_at", pa.timestamp("us", tz="UTC")),
        ("rollcall_version", pa.string()),
        ("rows_sent", pa.int64()),
        ("rows_deleted", pa.int64()),
        ("descriptions_hash", pa.string()),
        ("table_versions", pa.string()),
        (KEY, pa.string()),
        (HASH, pa.int64()),
        (DELETED, pa.bool_()),
    ]
)


@dataclass(frozen=True)
class LastPublication:
    """The last row: when its run started, and the hash of the descriptions."""

    run_started_at: datetime
    descriptions_hash: str


PublicationRow = Callable[[Mapping[str, int] | None], Changes]
"""Creates the row for a publication from the versions of the tables."""


def publication_row(
    run: datetime,
    published_at: datetime,
    changes: Sequence[Changes],
    described: str,
    folder: Path,
    versions: Mapping[str, int] | None,
) -> Changes:
    """The row for a publication, as the changes of its table."""
    row = {
        "run_started_at": run,
        "published_at": published_at,
        "rollcall_version": rollcall_version(),
        "rows_sent": sum(change.sent for change in changes),
        "rows_deleted": sum(change.deleted for change in changes),
        "descriptions_hash": described,
        "table_versions": json.dumps(versions) if versions else None,
        KEY: published_at.isoformat(),
        HASH: 0,
        DELETED: False,
    }
    file = folder / f"{PUBLICATIONS}.parquet"
    parquet.write_table(pa.Table.from_pylist([row], schema=_SCHEMA), file)
    return Changes(TABLE, file, None, 1, 0)
