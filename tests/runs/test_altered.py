"""Promise 12: what somebody did to the published file is noticed, and everything is built again."""

from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.warehouse import draft, inspection
from pipelines.warehouse.reader import open_warehouse
from tests.campaigns.play import land_directly
from tests.home import Home, Row
from tests.loopback import Answer, Loopback

TABLES = ("projects", "projects_history", "project_changes", "listings", "quarantine", "status_mapping")


@pytest.fixture(autouse=True)
def _without_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)


@pytest.fixture
def published(home: Home, loopback: Loopback) -> Home:
    """A home with one published run of two projects, in which nothing changes any more."""
    bells = loopback.serve("bells", Answer([{"id": 1, "name": "Great Tom"}, {"id": 2, "name": "Big Ben"}]))
    home.connect("belltastic", base_url=bells, api_token="user_1")
    home.run()
    return home


def content(home: Home) -> dict[str, list[Row]]:
    return {table: home.rows(f"from {table} order by all") for table in TABLES if table != "listings"}


def alter(home: Home, statements: str) -> None:
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(statements)


@pytest.mark.parametrize(
    "statement",
    [
        "update projects set name = 'Bigger Ben' where project_id = '2'",
        "delete from projects_history",
        "insert into project_changes from project_changes",
        "alter table projects add column mine integer",
        "alter table projects rename column name to title",
        "update status_mapping set status = 'cancelled'",
        "drop table projects",
        "drop table project_changes",
        "drop schema staging cascade",
        "create or replace view staging.stg_belltastic__projects as select 1 as a",
        "create macro main.lower(a) as 'x'",
        "create macro main.regexp_matches(a, b) as false",
    ],
)
def test_promise_12_an_altered_file_is_built_again(published: Home, statement: str) -> None:
    published.run()
    before = content(published)
    alter(published, statement)
    published.run()
    assert [(row.pop("last_seen_at") is not None) for row in before["projects"]] == [True, True]
    after = content(published)
    for row in after["projects"]:
        row.pop("last_seen_at")
    assert after == before
    with open_warehouse(published.warehouse):
        pass  # and no macro hides what DuckDB brings


def test_a_file_that_only_runs_have_written_is_not_built_again(
    published: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[object] = []
    monkeypatch.setattr(draft, "forget_build", forgotten.append)
    with duckdb.connect(str(published.warehouse), read_only=True) as connection:
        connection.execute("from projects")
    published.run()
    assert forgotten == []
    alter(published, "update projects set name = 'x'")
    published.run()
    assert len(forgotten) == 1


@pytest.mark.parametrize("is_rewritten", [False, True], ids=["kept", "rewritten"])
def test_promise_12_a_users_own_tables_and_views_stay(
    published: Home, monkeypatch: pytest.MonkeyPatch, is_rewritten: bool
) -> None:
    if is_rewritten:
        monkeypatch.setattr(inspection, "_is_wasteful", lambda _: True)
    alter(
        published,
        """
        create table notes as select 'belltastic:1' as project_key, 'ring it' as note;
        create schema mine; create table mine.more as select 1 as a;
        create view noted as select project_key, name, note from projects join notes using (project_key);
        create view twice as select count(*) as n from noted;
        """,
    )
    for _ in range(2):
        published.run()
        assert published.rows("from noted") == [
            {"project_key": "belltastic:1", "name": "Great Tom", "note": "ring it"}
        ]
        assert published.rows("from twice") == [{"n": 1}]
        assert published.rows("from mine.more") == [{"a": 1}]


def test_a_mart_that_is_no_longer_there_goes_and_a_users_table_of_its_name_is_not_replaced(
    published: Home,
) -> None:
    marts = published.path / "sql" / "marts"
    marts.mkdir(parents=True)
    (marts / "notes.sql").write_text("-- Notes.\n-- grain: a\nselect 1 as a")
    published.run()
    assert published.rows("from notes") == [{"a": 1}]
    (marts / "notes.sql").unlink()
    published.run()
    assert published.rows("select table_name from duckdb_tables() where table_name = 'notes'") == []

    alter(published, "create table notes as select 'mine' as a")
    (marts / "notes.sql").write_text("-- Notes.\n-- grain: a\nselect 1 as a")
    with pytest.raises(ConfigurationError, match="holds a table notes that no run has made"):
        published.run()
    assert published.rows("from notes") == [{"a": "mine"}]


def test_a_run_that_ends_before_it_notes_what_it_published_has_it_built_again(published: Home) -> None:
    note: Path = published.path / ".rollcall" / "warehouse.duckdb.fingerprint"
    for left in (b"", b"\xff\xfe", None):
        note.unlink() if left is None else note.write_bytes(left)
        before = content(published)
        alter(published, "delete from projects")
        published.run()
        assert [row["name"] for row in content(published)["projects"]] == [
            row["name"] for row in before["projects"]
        ]
