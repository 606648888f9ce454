"""What a run changes in the tables of a lakehouse: the rows that are new, and those that are outdated.

The rows of a draft have a `last_seen_at`; those of a lakehouse lack it if the last listing confirmed them.
"""

import re
from collections.abc import Sequence

import duckdb

from pipelines.common.sql import identifier
from pipelines.warehouse.lake_tables import Columns, StoredTable, with_last_seen

# Columns of the comparison, which no table has.
HASH, IS_NEW = "rollcall_hash", "rollcall_is_new"
_NESTED = re.compile(r"STRUCT|MAP|UNION|.*\[\d*\]$", re.DOTALL)


def find_changes(
    db: duckdb.DuckDBPyConnection, table: StoredTable, columns: Columns, which: str, held: str
) -> None:
    """Create the views `fresh`, the rows of the attached `draft` that `held` lacks, and `stale`, the keys of
    those only it has.

    `which` is a condition on the rows of the draft, and `held` a query of the rows to compare them with.
    Where nothing is held, all rows are new. Otherwise hashes of 64 bits are compared, as in a publication:
    whole rows would take more memory than a run may use.
    """
    draft = with_last_seen("nullif", f"draft.{table.source}", columns, listings="draft.raw.listings")
    new = f"{draft} where {which}"
    key = ", ".join(map(identifier, table.key))
    if not db.execute(f"select exists ({held})").fetchall()[0][0]:
        db.execute(f"create or replace temp view fresh as {new}")
        db.execute(f"create or replace temp view stale as select {key} from ({held})")
        return
    types = ", ".join(f"{identifier(name)}::{kind} as {identifier(name)}" for name, kind in columns.items())
    digest = f"hash({', '.join(_hashed(*column) for column in columns.items())}) as {HASH}"
    db.execute(
        f"create or replace temp table differing as "
        f"select {key}, bool_or({IS_NEW}) as {IS_NEW} from ("
        f"select {key}, {digest}, true as {IS_NEW} from (select {types} from ({new})) union all "
        f"select {key}, {digest}, false as {IS_NEW} from (select {types} from ({held}))) "
        f"group by {key}, {HASH} having bool_or({IS_NEW}) = bool_and({IS_NEW})"
    )
    db.execute(
        f"create or replace temp view fresh as select one.* from ({new}) as one "
        f"semi join (from differing where {IS_NEW}) as other on {_same('one', 'other', table.key)}"
    )
    db.execute(f"create or replace temp view stale as select {key} from differing where not {IS_NEW}")


def apply_changes(
    db: duckdb.DuckDBPyConnection, table: StoredTable, fresh: str = "fresh", stale: str = "stale"
) -> None:
    """Delete the rows in `stale` from the lakehouse, by their keys, and insert those in `fresh`."""
    if stale and db.execute(f"select exists (from {stale})").fetchall()[0][0]:
        db.execute(
            f"delete from {table.in_lake} as held using {stale} as stale "
            f"where {_same('held', 'stale', table.key)}"
        )
    if fresh and db.execute(f"select exists (from {fresh})").fetchall()[0][0]:
        db.execute(f"insert into {table.in_lake} by name from {fresh}")


def connection_of(columns: Columns) -> str:
    """SQL for the connection of a row: a key begins with its name."""
    return "connection" if "connection" in columns else "split_part(project_key, ':', 1)"


def _hashed(name: str, kind: str) -> str:
    """SQL for the value of a column that is hashed: DuckDB hashes an empty list like one that is null."""
    return f"to_json({identifier(name)})" if _NESTED.match(kind) else identifier(name)


def _same(one: str, other: str, key: Sequence[str]) -> str:
    return " and ".join(
        f"{one}.{identifier(name)} is not distinct from {other}.{identifier(name)}" for name in key
    )
