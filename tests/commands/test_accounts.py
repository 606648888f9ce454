"""`rollcall retire` and `rollcall rename`, through the command line."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.commands import operation
from pipelines.warehouse.lock import locked
from tests.campaigns.play import land_directly
from tests.support.home import Home
from tests.support.loopback import Answer, Asked, Loopback

RUN_1, RUN_2, OPERATION, RUN_3 = (f"2026-11-0{day} 02:00:00+00" for day in (1, 2, 3, 4))


@pytest.fixture(autouse=True)
def _without_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Land without dlt, which takes most of the time of a small run and does not matter here."""
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)
    monkeypatch.setattr(operation, "_now", lambda: datetime(2026, 11, 3, 2, tzinfo=UTC))


class Accounts:
    """A Belltastic and an EvoVoice account, whose projects and files a test changes."""

    def __init__(self, home: Home, loopback: Loopback) -> None:
        self.projects: list[dict[str, Any]] = [{"id": 1, "name": "Great Tom"}, {"id": 2, "name": "Big Ben"}]
        self.files: list[dict[str, Any]] = [
            {"id": "f1", "customerId": "c1", "customerName": "Quay"},
            {"id": "f2", "customerId": "c1", "customerName": "Quay"},
        ]
        self.bells = loopback.serve("bells", lambda _: Answer(self.projects))
        self.voices = loopback.serve("voices", self._answer)
        self.configure(home)

    def configure(self, home: Home, bells: str = "belltastic", voices: str = "evovoice") -> None:
        """Configure only the two accounts, under these names."""
        for file in (home.path / ".dlt").glob("*.toml"):
            file.unlink()
        home._tables.clear()
        home.connect(bells, "belltastic", base_url=self.bells, api_token="user_1")
        home.connect(voices, "evovoice", base_url=self.voices, user_name="u", password="swordfish")

    def _answer(self, asked: Asked) -> Answer:
        listing = {"items": self.files, "totalCount": len(self.files), "totalPages": 1}
        return Answer({} if asked.method == "POST" else listing)


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> tuple[Path, Accounts]:
    """A home after two runs; Big Ben has another name since the second."""
    home = Home(tmp_path_factory.mktemp("two-runs"))
    accounts = Accounts(home, loopback)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.commands.sync.land", land_directly)
        home.run()
        accounts.projects[1]["name"] = "Big Ben II"
        home.run()
    return home.path, accounts


@pytest.fixture
def accounts(two_runs: tuple[Path, Accounts], home: Home) -> Accounts:
    path, accounts = two_runs
    shutil.copytree(path, home.path, dirs_exist_ok=True)
    accounts.configure(home)
    home.runs = 3
    del accounts.files[2:]
    return accounts


def rollcall(home: Home, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def history(home: Home, table: str = "projects_history", key: str = "project_key") -> list[tuple[str, ...]]:
    rows = home.rows(
        f"select {key}, version, change, valid_from, valid_to, end_reason from {table} order by 1, 2"
    )
    return [tuple(row.values()) for row in rows]


def published(home: Home) -> dict[str, list[str]]:
    """The rows of all published tables but `runs`, as sorted JSON."""
    tables = home.rows("select table_name from duckdb_tables() where schema_name = 'main'")
    names = sorted({row["table_name"] for row in tables} - {"runs"})
    return {name: sorted(json.dumps(row) for row in home.rows(f"from {name}")) for name in names}


def renamed(row: str) -> str:
    """A row of belltastic after the connection is renamed to north."""
    return row.replace('"belltastic:', '"north:').replace(
        '"connection": "belltastic"', '"connection": "north"'
    )


def test_retire_closes_the_rows_of_a_connection_and_a_later_run_reopens_them_after_a_gap(
    home: Home, accounts: Accounts
) -> None:
    done = rollcall(home, "retire", "belltastic", "--yes")
    assert done.stderr == (
        "belltastic (belltastic): 2 projects\n"
        "retired belltastic; `rollcall restore` undoes it\n"
        "belltastic is still configured, so the next run lists it again: "
        "remove [sources.belltastic] from .dlt/config.toml and .dlt/secrets.toml\n"
    )
    closed = [
        ("belltastic:1", 1, "created", RUN_1, OPERATION, "retired"),
        ("belltastic:2", 1, "created", RUN_1, RUN_2, "changed"),
        ("belltastic:2", 2, "changed", RUN_2, OPERATION, "retired"),
    ]
    assert history(home) == [*closed, ("evovoice:c1", 1, "created", RUN_1, None, None)]
    assert home.rows("select started_at, operation from runs") == [
        {"started_at": RUN_1, "operation": "sync"},
        {"started_at": RUN_2, "operation": "sync"},
        {"started_at": OPERATION, "operation": "retire"},
    ]
    assert home.rows(
        "select project_key, change from project_changes where changed_at = $1 order by 1", OPERATION
    ) == [
        {"project_key": "belltastic:1", "change": "removed"},
        {"project_key": "belltastic:2", "change": "removed"},
    ]
    assert "belltastic: retired 2026-11-03T02:00:00Z\n" in rollcall(home, "status").stdout
    assert home.run().exit_code == 0
    assert history(home) == [
        closed[0],
        ("belltastic:1", 2, "returned", RUN_3, None, None),
        *closed[1:],
        ("belltastic:2", 3, "returned", RUN_3, None, None),
        ("evovoice:c1", 1, "created", RUN_1, None, None),
    ]
    assert "retired" not in rollcall(home, "status").stdout


def test_retire_closes_files_and_the_projects_made_of_them(home: Home, accounts: Accounts) -> None:
    rollcall(home, "retire", "evovoice", "--yes")
    assert history(home)[-1] == ("evovoice:c1", 1, "created", RUN_1, OPERATION, "retired")
    assert history(home, "files_history", "file_key") == [
        ("evovoice:f1", 1, "created", RUN_1, OPERATION, "retired"),
        ("evovoice:f2", 1, "created", RUN_1, OPERATION, "retired"),
    ]


def test_rename_moves_every_key_and_the_next_run_changes_nothing(
    home: Home, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation, "_now", lambda: datetime(2026, 11, 2, 3, tzinfo=UTC))
    before = published(home)
    accounts.configure(home, "north")
    done = rollcall(home, "rename", "belltastic", "north", "--yes")
    assert done.stderr == (
        "belltastic (belltastic): 2 projects\nrenamed belltastic to north; `rollcall restore` undoes it\n"
    )
    assert published(home) == {table: sorted(map(renamed, rows)) for table, rows in before.items()}
    assert home.rows("select connection, operation from raw.operations") == [
        {"connection": "north", "operation": "rename"}
    ]
    before = published(home)
    assert [(one.connection, one.unchanged, one.records) for one in home.run().listings] == [
        ("evovoice", 2, 2),
        ("north", 2, 2),
    ]
    assert published(home)["projects_history"] == before["projects_history"]


def test_rename_names_what_is_left_to_do(home: Home, accounts: Accounts) -> None:
    done = rollcall(home, "rename", "belltastic", "north", "--yes")
    assert done.stderr.splitlines()[2:] == [
        "belltastic is still configured: rename [sources.belltastic] to [sources.north] in .dlt/config.toml "
        'and .dlt/secrets.toml, with provider = "belltastic" in it, and belltastic in client_mapping.csv'
    ]
    status = rollcall(home, "status").stdout
    assert "north: no longer configured; `rollcall retire north` closes its rows\n" in status


def test_rename_keeps_erased_records_erased(home: Home, accounts: Accounts) -> None:
    rollcall(home, "forget", "belltastic:2", "evovoice:c1", "--yes")
    accounts.configure(home, "north", "voice")
    for old, new in (("belltastic", "north"), ("evovoice", "voice")):
        rollcall(home, "rename", old, new, "--yes")
    accounts.files.append({"id": "f3", "customerId": "c1", "customerName": "Quay"})
    home.run()
    assert home.rows("select project_key, name from projects") == [
        {"project_key": "north:1", "name": "Great Tom"}
    ]
    for word in (b"Big Ben", b"Quay"):
        assert word not in home.warehouse.read_bytes()


def test_a_name_freed_by_a_rename_begins_a_new_history(home: Home, accounts: Accounts) -> None:
    rollcall(home, "forget", "belltastic:2", "--yes")
    rollcall(home, "rename", "belltastic", "north", "--yes")
    home.run("belltastic")
    rollcall(home, "forget", "belltastic:1", "--yes")
    home.run("belltastic")
    ours = "connection <> 'evovoice' and name is not null"
    assert home.rows(
        f"select project_key, version, change from projects_history where {ours} order by 1"
    ) == [
        {"project_key": "belltastic:2", "version": 1, "change": "created"},
        {"project_key": "north:1", "version": 1, "change": "created"},
    ]


def test_a_stale_connection_counts_only_while_it_is_configured(home: Home, accounts: Accounts) -> None:
    rollcall(home, "status", "--max-age", "2026-11-04", code=3)
    for name in ("belltastic", "evovoice"):
        rollcall(home, "retire", name, "--yes")
    for file in (home.path / ".dlt").glob("*.toml"):
        file.unlink()
    rollcall(home, "status", "--max-age", "2026-11-04")


def test_an_impossible_operation_is_refused_and_publishes_nothing(home: Home, accounts: Accounts) -> None:
    home.connect("quay", "matter", base_url=accounts.bells + "/connect/v2", access_token="t")
    before = home.warehouse.read_bytes()
    unknown = "the warehouse has no connection bells. Choose from belltastic, evovoice"
    for arguments, message in (
        ("retire bells", unknown),
        ("rename bells north", unknown),
        (
            "rename belltastic evovoice",
            "the warehouse already has a connection evovoice. Choose another name",
        ),
        (
            "rename belltastic North",
            "North is not a valid name for a connection. "
            "Use lower-case letters and digits, separated by - or _",
        ),
        (
            "rename belltastic quay",
            "quay is configured as a connection of matter, not of belltastic. Choose another name",
        ),
    ):
        refused = rollcall(home, *arguments.split(), "--yes", code=2)
        assert refused.stderr.splitlines() == [f"rollcall: {message}"]
    for arguments in ("retire belltastic", "rename belltastic north"):
        unconfirmed = rollcall(home, *arguments.split(), code=2).stderr
        assert f"standard input is not a terminal. Give --yes to {arguments[:6]}" in unconfirmed
        with locked(home.warehouse):
            assert "another run is in progress" in rollcall(home, *arguments.split(), "--yes", code=5).stderr
    assert home.warehouse.read_bytes() == before


def test_restore_undoes_a_retirement(home: Home, accounts: Accounts) -> None:
    before = home.warehouse.read_bytes()
    rollcall(home, "retire", "belltastic", "--yes")
    rollcall(home, "restore")
    assert home.warehouse.read_bytes() == before
