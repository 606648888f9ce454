"""The changes of a run in a lakehouse: rows are compared by their hashes, in bounded memory."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.common.database import open_database
from pipelines.common.sql import literal
from pipelines.warehouse.lake_changes import find_changes
from pipelines.warehouse.lake_tables import StoredTable

NOTES = StoredTable("stored", "notes", "main.notes", ("connection", "scope", "id"))
COLUMNS = {
    "connection": "VARCHAR",
    "scope": "VARCHAR",
    "id": "BIGINT",
    "text": "VARCHAR",
    "labels": "VARCHAR[]",
}
WIDE = """
select
    'one' as connection, null as scope, i as id, hash(i) || repeat('x', 900) as text, [i::varchar] as labels,
from range({rows}) as numbers(i)
"""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with as little memory as runs may have, in which `draft` and `lake` are attached."""
    with open_database(
        settings={"memory_limit": "60MB", "threads": "1", "temp_directory": str(tmp_path / "spill")}
    ) as db:
        for name in ("draft", "lake"):
            db.execute(f"attach {literal(str(tmp_path / f'{name}.duckdb'))} as {name}")
        yield db


def changes(db: duckdb.DuckDBPyConnection) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    find_changes(db, NOTES, COLUMNS, "one.connection = 'one'", "select * from lake.notes")
    fresh, stale = (db.execute(f"from {name} order by all").fetchall() for name in ("fresh", "stale"))
    return fresh, stale


def rows(db: duckdb.DuckDBPyConnection, database: str, values: str) -> None:
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    db.execute(f"create or replace table {database}.notes ({columns})")
    if values:
        db.execute(f"insert into {database}.notes values {values}")


def test_changed_rows_are_found_by_key(db: duckdb.DuckDBPyConnection) -> None:
    rows(db, "lake", "('one', null, 1, 'a', ['x']), ('one', 's', 1, 'b', null), ('one', null, 2, 'c', [])")
    rows(
        db,
        "draft",
        "('one', null, 1, 'a', ['x']), ('one', 's', 1, 'b', []), ('one', null, 3, null, []), "
        "('two', null, 9, '', [])",
    )
    fresh, stale = changes(db)
    assert fresh == [("one", "s", 1, "b", []), ("one", None, 3, None, [])]
    assert stale == [("one", "s", 1), ("one", None, 2)]
    rows(db, "draft", "")
    assert changes(db) == ([], [("one", "s", 1), ("one", None, 1), ("one", None, 2)])


def test_all_rows_are_new_in_an_empty_lakehouse(db: duckdb.DuckDBPyConnection) -> None:
    rows(db, "lake", "")
    rows(db, "draft", "('one', null, 1, 'a', ['x']), ('two', null, 9, '', [])")
    assert changes(db) == ([("one", None, 1, "a", ["x"])], [])


def test_wide_rows_are_compared_in_little_memory(db: duckdb.DuckDBPyConnection) -> None:
    count = 200_000  # of a kilobyte: three times the memory
    for database, known in (("lake", count), ("draft", 0)):
        db.execute(f"create table {database}.notes as {WIDE.format(rows=known)}")
    db.execute(f"insert into draft.notes {WIDE.format(rows=count)}")
    assert changes(db) == ([], [])
    db.execute("update draft.notes set text = 'changed' where id = 7")
    assert changes(db) == ([("one", None, 7, "changed", ["7"])], [("one", None, 7)])
    db.execute("truncate lake.notes")
    find_changes(db, NOTES, COLUMNS, "one.connection = 'one'", "select * from lake.notes")
    assert db.execute("select count(*), sum(length(text)) > 180_000_000 from fresh").fetchall() == [
        (count, True)
    ]
