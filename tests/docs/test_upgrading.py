"""A warehouse that an earlier Rollcall wrote continues as the page on upgrading says."""

import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.common.errors import WarehouseError
from pipelines.sandbox import Sandbox
from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql
from pipelines.warehouse.draft import STORAGE_VERSION
from tests.docs.pages import ROOT, commands, page
from tests.support.home import Home, sandbox_settings

pytestmark = pytest.mark.usefixtures("without_dlt")

PAGE = page("upgrading.md")
# What earlier states of the facts and of the published tables lacked, or had and no longer have.
EARLIER = {
    "of fewer facts": [
        "drop table raw.forgotten",
        "alter table raw.records drop column refreshed_at",
        "update raw.records set content_hash = 'of what it says'",
        "alter table raw.records drop column canonical_hash",
        "drop schema staging cascade",
        "drop table project_changes",
        "drop view projects",
        "create table projects as select project_key, name from projects_history",
    ],
    "of other models": [
        "update staging.last_build set made_of = 'others', tables = list_append(tables, 'projects_by_city')",
        "update projects_history set status = 'as a previous model read it'",
        "alter table projects_history add column colour text",
        "create table projects_by_city as select 'a table that is no longer made' as city",
    ],
}
FACTS = "select provider, record_id, payload, content_hash, valid_from from raw.records order by all"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(projects=8, files=8) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def first_run(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one run has been; the next one finds a change and a removal."""
    home = Home(tmp_path_factory.mktemp("home"))
    for provider in ("belltastic", "evovoice"):
        home.connect(provider, **sandbox_settings(sandbox)[provider])
    home.run()
    sandbox.store("belltastic").change(3, name="Town hall")
    sandbox.store("belltastic").remove(4)
    return home.path


@pytest.fixture
def home(first_run: Path, tmp_path: Path) -> Home:
    """A copy of that home, for the second run."""
    shutil.copytree(first_run, tmp_path, dirs_exist_ok=True)
    home = Home(tmp_path)
    home.runs = 1
    return home


def change(warehouse: Path, statements: list[str]) -> None:
    with duckdb.connect(str(warehouse)) as db:
        for statement in statements:
            db.execute(statement)


def published(home: Home) -> Mapping[str, list]:
    """The columns and the rows of every published table."""
    marts = models.read_models("marts", home.path)
    with duckdb.connect(str(home.warehouse), read_only=True) as db:
        return {mart: _content(db, mart) for mart in marts}


def rebuilt(home: Home, scratch: Path) -> Mapping[str, list]:
    """The same rows, built from the facts alone."""
    with duckdb.connect(str(scratch)) as db:
        db.execute(facts_sql())
        db.execute(f"attach '{home.warehouse}' as published (read_only)")
        for table in ("runs", "connections", "listings", "records", "quarantine", "forgotten"):
            db.execute(f"insert into raw.{table} by name from published.raw.{table}")
        models.build(db, home.path)
        return {mart: _content(db, mart) for mart in models.read_models("marts", home.path)}


def _content(db: duckdb.DuckDBPyConnection, table: str) -> list:
    found = db.execute(f"from main.{table} order by all")
    return [tuple(column[:2] for column in found.description), *found.fetchall()]


@pytest.mark.parametrize("earlier", EARLIER)
def test_a_run_continues_from_an_earlier_schema(earlier: str, home: Home) -> None:
    kept = home.rows(FACTS)
    change(home.warehouse, EARLIER[earlier])
    run = home.run()
    assert (run.outcome, run.exit_code) == ("complete", 0)
    facts = home.rows(FACTS)
    assert (len(kept), len(facts)) == (16, 17)
    assert [fact for fact in kept if fact not in facts] == []
    changes = home.rows(
        "select change, column_name, new_value from project_changes where change <> 'created' order by all"
    )
    assert changes == [
        {"change": "changed", "column_name": "name", "new_value": "Town hall"},
        {"change": "removed", "column_name": None, "new_value": None},
    ]
    assert published(home) == rebuilt(home, home.path / "rebuilt.duckdb")
    tables = home.rows(
        "select table_name from duckdb_tables() where schema_name = 'main' "
        "union all select view_name from duckdb_views() where schema_name = 'main' and not internal"
    )
    assert {row["table_name"] for row in tables} == set(published(home))


def test_facts_of_a_newer_version_are_not_lost(home: Home) -> None:
    change(home.warehouse, ["alter table raw.records add column colour text default 'red'"])
    before = home.warehouse.read_bytes()
    with pytest.raises(WarehouseError, match="was written by a newer Rollcall: install the one that"):
        home.run()
    assert home.warehouse.read_bytes() == before
    assert "`… was written by a newer Rollcall`" in PAGE


@pytest.mark.parametrize(
    "statements",
    [
        ["alter table raw.runs rename column outcome to ending"],
        [
            "create table raw.kept as select * replace (outcome || ' of old' as outcome) from raw.runs",
            "drop table raw.runs",
            "alter table raw.kept rename to runs",
            "alter table raw.listings drop column error_kind",
        ],
    ],
    ids=["other columns", "other words"],
)
def test_facts_of_no_release_are_kept_as_they_are(statements: list[str], home: Home) -> None:
    change(home.warehouse, statements)
    before = home.warehouse.read_bytes()
    with pytest.raises(WarehouseError, match="was written by a version of Rollcall that was not released: "):
        home.run()
    assert home.warehouse.read_bytes() == before


def test_the_commands_of_the_page_on_upgrading_run(home: Home) -> None:
    for line in commands(PAGE):
        if line.startswith("rollcall "):
            result = CliRunner().invoke(main, ["--home", str(home.path), *shlex.split(line)[1:]])
            assert result.exit_code == 0, (line, result.stdout, result.stderr)
    assert len(home.rows("from runs")) == 1  # the previous run was restored


def test_the_page_states_the_supported_versions_of_duckdb() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [one for one in dependencies if one.startswith("duckdb")] == re.findall(r"duckdb>=[^\s]+\d", PAGE)
    assert f"storage version {STORAGE_VERSION}, whichever" in PAGE
    assert "DuckDB 1.4 and newer" in " ".join((ROOT / "README.md").read_text().split())
