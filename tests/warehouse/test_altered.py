"""Promise 12: changes that somebody made to the published file are noticed, and everything is rebuilt."""

import shutil
from pathlib import Path

import duckdb
import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.warehouse import draft, inspection
from pipelines.warehouse.reader import open_warehouse
from tests.support.home import Home, Row
from tests.support.loopback import Answer, Loopback

MORE = (
    "staging.int_current_projects",
    "projects_history",
    "project_changes",
    "files",
    "listings",
    "runs",
    "connections",
)
TABLES = ("projects", "projects_history", "project_changes", "listings", "quarantine", "status_mapping")


pytestmark = pytest.mark.usefixtures("without_dlt")


@pytest.fixture(scope="module")
def two_runs(loopback: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("published"))
    bells = loopback.serve("bells", Answer([{"id": 1, "name": "Great Tom"}, {"id": 2, "name": "Big Ben"}]))
    home.connect("belltastic", base_url=bells, api_token="user_1")
    home.run()
    home.run()
    return home.path


@pytest.fixture
def published(two_runs: Path, tmp_path: Path) -> Home:
    """A home with two published runs of two projects, which no longer change."""
    shutil.copytree(two_runs, tmp_path / "home")
    home = Home(tmp_path / "home")
    home.runs = 2
    return home


def content(home: Home) -> dict[str, list[Row]]:
    return {table: home.rows(f"from {table} order by all") for table in TABLES if table != "listings"}


def alter(home: Home, statements: str) -> None:
    with duckdb.connect(str(home.warehouse)) as db:
        db.execute(statements)


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(
            "update staging.int_current_projects set is_held_back = true;"
            "delete from projects_history;"
            "insert into project_changes from project_changes;"
            "update status_mapping set status = 'cancelled';"
            "alter table files add column mine integer;"
            "alter table projects_history rename column name to title",
            id="rows and columns",
        ),
        pytest.param("drop view projects; create table projects as select 1 as a", id="a table for a view"),
        pytest.param("".join(f"drop table {table};" for table in MORE), id="tables"),
        pytest.param("drop schema staging cascade", id="schema"),
        pytest.param(
            "create or replace view projects as select 1 as a;"
            "create or replace view staging.stg_belltastic__projects as select 1 as a;"
            "create macro main.lower(a) as 'x';"
            "create macro main.regexp_matches(a, b) as false",
            id="views and macros",
        ),
    ],
)
def test_promise_12_an_altered_file_is_built_again(published: Home, statements: str) -> None:
    before = content(published)
    alter(published, statements)
    published.run()
    assert [(row.pop("last_seen_at") is not None) for row in before["projects"]] == [True, True]
    after = content(published)
    for row in after["projects"]:
        row.pop("last_seen_at")
    assert after == before
    counted = published.rows(" union all ".join(f"select count(*) as rows from {table}" for table in MORE))
    assert [row["rows"] for row in counted] == [2, 2, 2, 0, 3, 3, 1]
    with open_warehouse(published.warehouse):
        pass  # and no macro hides one of DuckDB's own


def test_a_file_that_only_runs_have_written_is_not_built_again(
    published: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[object] = []
    monkeypatch.setattr(draft, "forget_build", forgotten.append)
    with duckdb.connect(str(published.warehouse), read_only=True) as db:
        db.execute("from projects")
    published.run()
    assert forgotten == []
    alter(published, "update projects_history set name = 'x'")
    published.run()
    assert len(forgotten) == 1


@pytest.mark.parametrize("is_rewritten", [False, True], ids=["kept", "rewritten"])
def test_promise_12_a_users_own_tables_and_views_stay(
    published: Home, monkeypatch: pytest.MonkeyPatch, is_rewritten: bool
) -> None:
    if is_rewritten:
        monkeypatch.setattr(draft, "is_wasteful", lambda _: True)
    alter(
        published,
        """
        create table notes as select 'belltastic:1' as project_key, 'ring it' as note;
        create schema mine; create table mine.more as select 1 as a;
        create view noted as select project_key, name, note from projects join notes using (project_key);
        create view twice as select count(*) as n from noted;
        """,
    )
    for _ in range(1 if is_rewritten else 2):
        published.run()
        assert published.rows("from noted") == [
            {"project_key": "belltastic:1", "name": "Great Tom", "note": "ring it"}
        ]
        assert published.rows("from twice") == [{"n": 1}]
        assert published.rows("from mine.more") == [{"a": 1}]


def test_a_removed_mart_is_dropped_and_a_users_table_of_its_name_stays(
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


def test_a_run_killed_before_its_note_has_the_next_one_rebuild_all(published: Home) -> None:
    note: Path = published.path / ".rollcall" / "warehouse.duckdb.fingerprint"
    for left in (b"\xff\xfe", None):
        note.unlink() if left is None else note.write_bytes(left)
        before = content(published)
        alter(published, "delete from projects_history")
        published.run()
        assert [row["name"] for row in content(published)["projects"]] == [
            row["name"] for row in before["projects"]
        ]


def test_only_a_file_that_another_program_has_written_is_read_completely(
    published: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    monkeypatch.setattr(inspection, "read_every_value", read.append)
    published.run()
    assert read == []
    alter(published, "create table notes as select 1 as a")
    published.run()
    assert len(read) == 1
    published.run()
    assert len(read) == 1
