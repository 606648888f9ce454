"""What a run changes in the tables of a lakehouse: the rows that are new, and those that are outdated.

The rows of a draft have a `last_seen_at`; those of a lakehouse lack it if the last listing confirmed them.
"""

import duckdb

from pipelines.common.sql import identifier, read_sql
from pipelines.warehouse.lake_tables import Columns, StoredTable


def find_changes(
    db: duckdb.DuckDBPyConnection, table: StoredTable, columns: Columns, which: str, held: str
) -> None:
    """Create `fresh`, the rows of the attached `draft` that `held` lacks, and `stale`, those only it has.

    `which` is a condition on the rows of the draft, and `held` a query of the rows to compare them with.
    """
    new = f"select {_encoded(columns)} from draft.{table.source} as one {_join(columns)} where {which}"
    db.execute(f"create or replace temp table fresh as ({new}) except ({held})")
    db.execute(f"create or replace temp table stale as ({held}) except ({new})")


def apply_changes(
    db: duckdb.DuckDBPyConnection, table: StoredTable, fresh: str = "fresh", stale: str = "stale"
) -> None:
    """Delete the rows in `stale` from the lakehouse, by their keys, and insert those in `fresh`."""
    same = " and ".join(
        f"held.{identifier(name)} is not distinct from stale.{identifier(name)}" for name in table.key
    )
    if stale and db.execute(f"select exists (from {stale})").fetchall()[0][0]:
        db.execute(f"delete from {table.in_lake} as held using {stale} as stale where {same}")
    if fresh and db.execute(f"select exists (from {fresh})").fetchall()[0][0]:
        db.execute(f"insert into {table.in_lake} by name from {fresh}")


def connection_of(columns: Columns) -> str:
    """SQL for the connection of a row: a key begins with its name."""
    return "connection" if "connection" in columns else "split_part(project_key, ':', 1)"


def _encoded(columns: Columns) -> str:
    return ", ".join(
        f"nullif(one.{column}, listed.last_listed_at) as {column}"
        if column == "last_seen_at"
        else f"one.{identifier(column)}"
        for column in columns
    )


def _join(columns: Columns) -> str:
    if "last_seen_at" not in columns:
        return ""
    listed = read_sql("queries/lake/last_listed", listings="draft.raw.listings")
    return f"left join ({listed}) as listed using (connection)"
