"""The maintenance of a lakehouse: merges small files, and expires old snapshots."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from pipelines.common.sql import literal
from pipelines.warehouse.catalog import LAKE, current_snapshot

# A file that is younger may belong to a commit that is in progress on another machine.
ORPHANED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Maintained:
    """Numbers of snapshots that were expired, of tables whose files were rewritten, and of files deleted."""

    snapshots_expired: int
    tables_rewritten: int
    files_deleted: int


def maintain_lake(db: duckdb.DuckDBPyConnection, keep: timedelta, now: datetime | None = None) -> Maintained:
    """Expire snapshots older than `keep`, rewrite small files and those with deleted rows, and delete files.

    Only files that no snapshot needs are deleted: those of expired snapshots, and those that a commit has
    left behind more than a day ago. A snapshot that has expired can no longer be read.
    """
    now = now or datetime.now(UTC)
    merged = _rewrite(db)
    expired = _call(db, f"ducklake_expire_snapshots({literal(LAKE)}, older_than => {_time(now - keep)})")
    old = _time(now - min(keep, ORPHANED_FOR))
    deleted = _call(db, f"ducklake_cleanup_old_files({literal(LAKE)}, older_than => {old})")
    deleted += _call(
        db, f"ducklake_delete_orphaned_files({literal(LAKE)}, older_than => {_time(now - ORPHANED_FOR)})"
    )
    return Maintained(expired, merged, deleted)


def erase_history(db: duckdb.DuckDBPyConnection) -> None:
    """Leave no snapshot but the current one, and no byte of a row that was deleted.

    A reader that has another snapshot open can no longer read it.
    """
    _rewrite(db)
    current = current_snapshot(db)
    versions = db.execute(f"select snapshot_id from {LAKE}.snapshots() where snapshot_id <> $1", [current])
    if older := [str(number) for (number,) in versions.fetchall()]:
        _call(db, f"ducklake_expire_snapshots({literal(LAKE)}, versions => [{', '.join(older)}])")
    _call(db, f"ducklake_cleanup_old_files({literal(LAKE)}, cleanup_all => true)")


def _rewrite(db: duckdb.DuckDBPyConnection) -> int:
    """Rewrite files with deleted rows, and merge small ones. Returns for how many tables."""
    replaced = _call(db, f"ducklake_rewrite_data_files({literal(LAKE)}, delete_threshold => 0)")
    return replaced + _call(db, f"ducklake_merge_adjacent_files({literal(LAKE)})")


def _call(db: duckdb.DuckDBPyConnection, function: str) -> int:
    """Call a function of DuckLake. Returns the number of rows that it answers with."""
    # Not count(*): DuckLake does its work while the rows are read.
    return int(db.sql(f"from {function}").to_arrow_table().num_rows)


def _time(moment: datetime) -> str:
    return f"timestamptz {literal(moment.astimezone(UTC).isoformat())}"
