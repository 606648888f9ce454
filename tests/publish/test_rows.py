"""The rows that a publication sends: all of them the first time, without holding them in memory."""

import itertools
from datetime import UTC, datetime

from pipelines.common.database import open_database
from pipelines.destinations.columns import Column, Table, changed_rows_sql

ID, TEXT = (Column(name, name, name, is_json=False, description="") for name in ("id", "text"))
NOTES = Table("notes", "Notes.", ("id",), ("id",), (ID, TEXT))


def test_a_first_publication_sends_the_rows_that_a_comparison_with_nothing_finds() -> None:
    with open_database() as db:
        db.execute("create table notes as from (values (1, 'a'), (2, null), (3, '')) as one(id, text)")
        db.execute("create table stored (_rollcall_key varchar, _rollcall_hash bigint)")
        first, compared = (changed_rows_sql(NOTES, has_stored=has_stored) for has_stored in (False, True))
        rows = db.execute(f"from ({first}) order by all").fetchall()
        assert rows == db.execute(f"from ({compared}) order by all").fetchall()
        assert [row[:2] for row in rows] == [(1, "a"), (2, None), (3, "")]
        plans = [db.execute(f"explain {sql}").fetchall()[0][1] for sql in (first, compared)]
        assert ["JOIN" in plan.upper() for plan in plans] == [False, True]
        db.execute(f"insert into stored select _rollcall_key, _rollcall_hash from ({first})")
        assert db.execute(f"from ({compared})").fetchall() == []


def test_rows_that_differ_in_any_value_have_different_hashes() -> None:
    texts = (None, "", "a", "a ", "A", "[]", "null", "\u00e4", "a\u0308")
    times = (None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC))
    numbers = (None, 0, 1, -1, 2**62)
    rows = list(itertools.product(texts, texts, times, numbers))
    names = ("text", "other", "moment", "number")
    columns = tuple(Column(name, name, name, is_json=False, description="") for name in names)
    notes = Table("notes", "Notes.", names, names, columns)
    with open_database() as db:
        db.execute("create table notes (text varchar, other varchar, moment timestamptz, number bigint)")
        db.executemany("insert into notes values (?, ?, ?, ?)", rows)
        sql = f"select count(distinct _rollcall_hash) from ({changed_rows_sql(notes, has_stored=False)})"
        assert db.execute(sql).fetchall() == [(len(rows),)]
