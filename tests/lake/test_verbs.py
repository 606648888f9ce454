"""The verbs on a lakehouse: each works, or says in one line that it does not."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.common.errors import RunInProgress, WarehouseError
from pipelines.config.lake import lake_settings
from pipelines.sandbox import Sandbox
from pipelines.warehouse.lake_lock import LakeLocks
from tests.lake.home import LakeHome, differences
from tests.publish.places import DuckDb
from tests.support.postgres import PASSWORD, Postgres

OLD_NAME, NEW_NAME = "Lighthouse Survey", "Lighthouse Renovation"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=5, projects=6, files=6) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def played(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> LakeHome:
    """A lakehouse after two runs of two connections: one project was renamed, and one removed."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "home").mkdir()
    home = LakeHome(folder / "home", f"postgres:{postgres.create_database()}", str(folder / "data"))
    home.connect_all(sandbox)
    store = sandbox.store("belltastic")
    store.change(1, name=OLD_NAME)
    home.run("belltastic", "evovoice")
    store.change(1, name=NEW_NAME)
    store.remove(2)
    home.run("belltastic", "evovoice")
    return home


def rollcall(home: LakeHome, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments])
    assert PASSWORD not in result.output
    return result


def lines(home: LakeHome, sql: str, *options: str) -> list[dict[str, object]]:
    result = rollcall(home, "query", sql, "--format", "jsonl", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_reading_verbs_read_a_lakehouse(played: LakeHome, tmp_path: Path) -> None:
    for arguments in (
        ("status",),
        ("changes", "--since", "2026-01-01"),
        ("history", "belltastic:1"),
        ("why", "belltastic:1"),
        ("describe",),
        ("describe", "projects_on"),
        ("export", "projects", "--output", str(tmp_path / "projects.csv")),
        ("export", "--all", "--output", str(tmp_path / "exports")),
        ("report", "--output", str(tmp_path / "report.html")),
    ):
        result = rollcall(played, *arguments)
        assert result.exit_code == 0, (arguments, result.output)
    assert (tmp_path / "projects.csv").read_text().count("\n") == 1 + len(played.rows("from projects"))
    described = json.loads(rollcall(played, "describe", "projects", "--json").stdout)
    assert {"column_name": "project_key", "type": "varchar"}.items() <= described[0].items()
    assert described[0]["comment"].startswith("unique and stable")


def test_as_of_run_reads_what_that_run_published(played: LakeHome) -> None:
    name = "select name from projects where project_key = 'belltastic:1'"
    assert lines(played, name) == [{"name": NEW_NAME}]
    assert lines(played, name, "--as-of-run", "2026-11-01T12:00:00Z") == [{"name": OLD_NAME}]
    early = rollcall(played, "query", name, "--as-of-run", "2026-10-01")
    assert (early.exit_code, "has no snapshot of a run begun by 2026-10-01T00:00:00Z" in early.stderr) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    "sql",
    [
        "from postgres_query('lake', 'select 1')",
        "from ducklake_snapshots('lake')",
        "from read_parquet('/etc/passwd')",
        "from '/etc/passwd'",
        "delete from projects",
        "from __ducklake_metadata_lake.ducklake_data_file",
    ],
)
def test_a_query_reads_published_tables_only(played: LakeHome, sql: str) -> None:
    assert rollcall(played, "query", sql).exit_code == 2


def test_names_in_a_lakehouse_are_completed(played: LakeHome) -> None:
    shell = ShellComplete(main, {}, "rollcall", "_ROLLCALL_COMPLETE")
    found = shell.get_completions(["--home", str(played.path), "changes", "--client"], "")
    known = {row["name"] for row in played.rows("select name from clients")}
    assert {item.value for item in found} == known != set()


def test_publish_sends_the_tables_of_a_lakehouse(played: LakeHome, tmp_path: Path) -> None:
    place, home = DuckDb(tmp_path / "bi.duckdb"), tmp_path / "home"
    shutil.copytree(played.path, home)
    config, secrets = (home / ".dlt" / name for name in ("config.toml", "secrets.toml"))
    config.write_text(config.read_text() + place.settings)
    secrets.write_text(secrets.read_text() + place.secrets)
    result = CliRunner().invoke(main, ["--home", str(home), "publish", "--to", "bi", "--json"])
    assert result.exit_code == 0, result.output
    sent = {table["name"]: table["rows_sent"] for table in json.loads(result.stdout)["tables"]}
    assert sent["projects_history"] == len(played.rows("from projects_history")) > 0
    keys = {row["project_key"] for row in place.read("projects")}
    assert keys == {row["project_key"] for row in played.rows("select project_key from projects")}
    (described,) = place.query(
        "select comment from duckdb_columns() where table_name = 'projects' and column_name = 'project_key'"
    )
    assert str(described["comment"]).startswith("unique and stable")


@pytest.mark.parametrize(
    "arguments",
    [
        ("backup", "DIR"),
        ("restore",),
        ("restore", "--list"),
        ("rename", "belltastic", "bells"),
        ("prune", "--before", "2026-01-01", "--dry-run"),
    ],
)
def test_verbs_for_files_are_refused_in_one_line(played: LakeHome, arguments: tuple[str, ...]) -> None:
    result = rollcall(played, *arguments)
    assert result.exit_code == 2
    assert f"{arguments[0]} works on files, and this warehouse is a lakehouse" in result.stderr
    assert (len(result.stderr.splitlines()), result.stdout) == (1, "")


def test_a_history_moves_to_a_file_and_back(played: LakeHome, postgres: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "copy.duckdb"
    assert rollcall(played, "migrate", "--to", str(file)).exit_code == 0
    found = differences(file, played.path)
    assert found == dict.fromkeys(found, 0)
    (tmp_path / "other").mkdir()
    other = LakeHome(tmp_path / "other", f"postgres:{postgres.create_database()}", str(tmp_path / "data"))
    result = rollcall(other, "migrate", str(file))
    assert (result.exit_code, result.stdout) == (
        0,
        f"postgres:{other.warehouse_settings['catalog'].removeprefix('postgres:')} now holds the history of "
        f"{file}: 2 runs, {len(played.rows('from raw.records'))} versions\n",
    )
    found = differences(file, other.path)
    assert found == dict.fromkeys(found, 0)
    assert rollcall(other, "migrate", str(file)).exit_code == 2


def test_maintain_rewrites_files_and_no_rows(played: LakeHome) -> None:
    before = played.rows("from projects_history order by all")
    done = json.loads(rollcall(played, "maintain", "--keep", "7d", "--json").stdout)
    assert (done["snapshots_expired"], done["tables_rewritten"] > 0) == (0, True)
    assert played.rows("from projects_history order by all") == before
    assert len(lines(played, "from runs", "--as-of-run", "2026-11-01T12:00:00Z")) == 1


def test_a_connection_is_synced_by_one_run_at_a_time(played: LakeHome) -> None:
    lake = lake_settings(played.path)
    assert lake is not None
    with LakeLocks(lake) as locks:
        assert locks.claim("connection belltastic")
        with pytest.raises(RunInProgress, match="another run of belltastic is in progress"):
            played.run("belltastic")


def test_a_lost_catalog_starts_no_new_history(played: LakeHome, postgres: Postgres, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(played.path, home)
    config = home / ".dlt" / "config.toml"
    known = played.warehouse_settings["catalog"].removeprefix("postgres:")
    config.write_text(config.read_text().replace(known, postgres.create_database()))
    result = CliRunner().invoke(main, ["--home", str(home), "sync"])
    assert (result.exit_code, "but this home has published one before" in result.stderr) == (2, True)


def test_forget_leaves_no_byte_in_data_and_catalog(played: LakeHome, postgres: Postgres) -> None:
    result = rollcall(played, "forget", "belltastic:1", "--yes")
    assert result.exit_code == 0, result.output
    assert lines(played, "select count(*) as n from projects_history where name like 'Lighthouse%'") == [
        {"n": 0}
    ]
    data = Path(played.warehouse_settings["data"])
    for name in (OLD_NAME, NEW_NAME):
        assert played.rows(f"from raw.records where payload::text like '%{name}%'") == []
        assert [path for path in data.rglob("*.parquet") if name.encode() in path.read_bytes()] == []
        assert postgres.find(played.warehouse_settings["catalog"].rpartition("=")[2], name) == []


def test_a_catalog_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    home = LakeHome(tmp_path / "home", "postgres:host=127.0.0.1 port=1 dbname=lake user=rollcall", "data")
    result = rollcall(home, "status")
    assert result.exit_code == WarehouseError.exit_code
    assert "does not answer" in result.stderr
    assert (len(result.stderr.splitlines()), result.stdout) == (1, "")
