"""Models of kind `versions of KEY`, and their queries with other tables in place of their own."""

from pathlib import Path

import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.transform.graph import Relation, read_relations
from tests.transform.raw import Raw, run

TOYS = """-- Every version of every toy.
-- kind: versions of toy_key
-- grain: toy_key, version
-- not compared: link
-- compared as: words by upper
select
    record_id as toy_key, -- the toy
    payload ->> 'name' as name, -- its name
    payload ->> 'link' as link,
    payload ->> 'words' as words,
    cast(payload ->> 'made_at' as timestamptz) as made_at,
    valid_from,
    valid_to,
    end_reason,
from staging.records
"""


def toys(raw: Raw, text: str = TOYS) -> Relation:
    """The relation of a model of toys in the home."""
    (raw.home / "sql" / "marts").mkdir(parents=True, exist_ok=True)
    (raw.home / "sql" / "marts" / "toys.sql").write_text(text)
    (found,) = (relation for relation in read_relations(raw.home) if relation.name == "toys")
    return found


def test_a_version_begins_when_a_compared_column_changes(raw: Raw) -> None:
    toys(raw)
    for begun, ended, reason, payload in (
        (1, 2, "changed", {"name": "Bear", "link": "a", "words": "hi", "made_at": "2026-01-01T00:00:00Z"}),
        (2, 3, "changed", {"name": "Bear", "link": "b", "words": "HI", "made_at": "2026-01-01T01:00:00+01"}),
        (3, 4, "removed", {"name": "Lion", "link": "b", "words": "HI", "made_at": "2026-01-02T00:00:00Z"}),
        (5, None, "", {"name": "Lion"}),
    ):
        raw.record("toy", "1", payload, begun, ended, reason)
    raw.record("toy", "2", {"name": "Duck"}, 2)
    raw.build()
    columns = (
        "toy_key, name, link, version, valid_from, valid_to, is_current, change, end_reason, changed_columns"
    )
    found = raw.db.execute(f"select {columns} from toys order by toy_key, version").fetchall()
    assert found == [
        ("1", "Bear", "b", 1, run(1), run(3), False, "created", "changed", []),
        ("1", "Lion", "b", 2, run(3), run(4), False, "changed", "removed", ["name", "made_at"]),
        ("1", "Lion", None, 3, run(5), None, True, "returned", None, ["words", "made_at"]),
        ("2", "Duck", None, 1, run(2), None, True, "created", None, []),
    ]
    cells = [f"staging.toys_cell(toys, '{column}')" for column in ("made_at", "words", "link")]
    first = f"select {', '.join(cells)} from toys where toy_key = '1' and version = 1"
    assert raw.db.execute(first).fetchall() == [("2026-01-01T00:00:00Z", "HI", None)]
    described = (
        "select column_name, comment from duckdb_columns() where table_name = 'toys' and comment is not null"
    )
    assert dict(raw.db.execute(described).fetchall()) == {
        "toy_key": "the toy",
        "name": "its name",
        "version": "counts from 1",
        "valid_from": "start of the run that first saw this version",
        "valid_to": "start of the run that found it changed or removed; null while it is current",
        "is_current": "whether it is listed now, as this version",
        "change": "why it began: created, changed or returned",
        "end_reason": "why it ended: changed, removed or retired; null while it is current",
        "changed_columns": "columns that differ from the previous version",
    }


def test_an_unknown_kind_is_refused(raw: Raw) -> None:
    with pytest.raises(ConfigurationError, match=r"toys\.sql has the kind 'versions'"):
        toys(raw, TOYS.replace("versions of toy_key", "versions"))


def test_a_query_reads_other_tables_in_place_of_those_replaced(raw: Raw) -> None:
    relation = toys(
        raw,
        """-- Größe 🎉
with projects_history as (select 1 as one), own as (from projects)
select a.name as projects, 'projects' as text -- projects
from projects as a, staging."files", raw.runs, projects_history, own, range(2)
""",
    )
    assert relation.reads == {"projects", "staging.files", "raw.runs"}
    assert relation.query() == relation.sql
    assert (
        relation.query({"projects": "affected.p", "staging.files": "f", "projects_history": "x"})
        == """-- Größe 🎉
with projects_history as (select 1 as one), own as (from affected.p)
select a.name as projects, 'projects' as text -- projects
from affected.p as a, f, raw.runs, projects_history, own, range(2)
"""
    )


def test_a_history_reads_other_tables_too() -> None:
    relations = {relation.name: relation for relation in read_relations(Path("no home"))}
    query = relations["files_history"].query({"staging.files": "affected.staging_files"})
    assert query == relations["files_history"].query().replace(
        " staging.files\n", " affected.staging_files\n"
    )
    assert "affected.staging_files" in query
