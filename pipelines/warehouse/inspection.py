"""Inspecting a copy of a published file: whether it can be read, and whether a run can continue with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines.common.errors import WarehouseError
from pipelines.common.sql import literal
from pipelines.transform.facts import facts_sql
from pipelines.warehouse.reader import read_every_value

# A copy is rewritten if more than half of it, and at least this much, is free space.
COMPACT_FROM_BYTES = 32 << 20


@contextlib.contextmanager
def readable(
    db: duckdb.DuckDBPyConnection, copy: Path, original: Path, remedy: str, *, is_intact: bool = False
) -> Iterator[None]:
    """Attach a copy of the file `original` as `published` while the block runs.

    Raises WarehouseError, with this `remedy`, if a value cannot be read. A run reads few blocks of a file but
    copies all of them, so it would publish the damage again, and in the end no intact file would be left.
    With `is_intact`, every byte is known to be as it was published, and values are not read.
    """
    try:
        db.execute(f"attach {literal(str(copy))} as published (read_only)")
        if not is_intact:
            read_every_value(db)
        yield
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].replace(str(copy), str(original))
        raise WarehouseError(f"{original} cannot be read ({reason})", remedy) from None
    db.execute("detach published")


def is_older(db: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Whether the facts in `published` lack columns, because an earlier Rollcall kept fewer.

    Raises WarehouseError if they have unknown columns, which would be lost.
    """
    db.execute("attach ':memory:' as empty; use empty")
    db.execute(facts_sql())
    known, held = _columns_of_facts(db, "empty"), _columns_of_facts(db, "published")
    db.execute("use memory; detach empty")
    if held - known and known - held:
        raise of_no_release(warehouse)
    if held - known:
        raise WarehouseError(
            f"{warehouse} was written by a newer Rollcall",
            "install the one that wrote it, or put a copy from before it there",
        )
    return bool(known - held)


def of_no_release(warehouse: Path) -> WarehouseError:
    """The error for a file whose facts have other columns or other words than those of any release."""
    return WarehouseError(
        f"{warehouse} was written by a version of Rollcall that was not released",
        "install the one that wrote it, or move the file away to start a new history",
    )


def _columns_of_facts(db: duckdb.DuckDBPyConnection, database: str) -> set[tuple[str, str, str]]:
    """Table, name and type of each column of the facts."""
    return set(
        db.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = $1 and schema_name = 'raw'",
            [database],
        ).fetchall()
    )


def is_wasteful(db: duckdb.DuckDBPyConnection) -> bool:
    """Whether much of `published` is free space."""
    row = db.execute(
        "select free_blocks * block_size, used_blocks * block_size from pragma_database_size() "
        "where database_name = 'published'"
    ).fetchone()
    assert row is not None
    free, used = row
    return bool(free > max(used, COMPACT_FROM_BYTES))
