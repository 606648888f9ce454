"""`rollcall status`: how fresh each connection is."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from .conftest import Cli


@pytest.fixture(autouse=True)
def five_o_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status is read three hours after the last run."""
    now = datetime(2026, 11, 3, 5, 30, tzinfo=UTC)
    monkeypatch.setattr("pipelines.cli.runs.datetime", SimpleNamespace(now=now.astimezone))


def test_status_is_printed_as_a_table(cli: Cli) -> None:
    result = cli("status")
    size = (cli.home / "warehouse.duckdb").stat().st_size
    assert result.stdout == (
        f"{cli.home}/warehouse.duckdb, {size / 1e6:,.1f} MB\n"
        "last run 2026-11-03T02:00:00Z (3 hours ago): partial\n"
        "\n"
        "connection  records  outcome   last verified      age          last attempt\n"
        "belltastic        2  failed    2026-11-02 02:00Z  1 day ago    2026-11-03 02:00Z\n"
        "evovoice          1  verified  2026-11-03 02:00Z  3 hours ago  2026-11-03 02:00Z\n"
        "matter            3  verified  2026-11-03 02:00Z  3 hours ago  2026-11-03 02:00Z\n"
        "belltastic: 401 Unauthorized\n"
    )
    assert result.stderr == ""


def test_status_is_printed_as_json(cli: Cli, tmp_path: Path) -> None:
    found = json.loads(cli("status", "--json").stdout)
    assert found["connections"][0] == {
        "connection": "belltastic",
        "provider": "belltastic",
        "records": 2,
        "last_attempt_at": "2026-11-03T02:00:00Z",
        "last_verified_at": "2026-11-02T02:00:00Z",
        "outcome": "failed",
        "message": "401 Unauthorized",
        "is_configured": True,
        "retired_at": None,
    }
    del found["connections"]
    assert found == {
        "warehouse": str(cli.home / "warehouse.duckdb"),
        "bytes": (cli.home / "warehouse.duckdb").stat().st_size,
        "last_run": {
            "started_at": "2026-11-03T02:00:00Z",
            "finished_at": "2026-11-03T02:00:09Z",
            "outcome": "partial",
        },
        "stale": [],
    }
    cli("status", "--output", str(tmp_path / "status.json"))
    assert json.loads((tmp_path / "status.json").read_text())["bytes"] == found["bytes"]


def test_status_is_printed_as_csv(cli: Cli) -> None:
    rows = list(csv.reader(io.StringIO(cli("status", "--format", "csv").stdout)))
    assert rows[0] == [
        "connection", "provider", "records", "last_attempt_at", "last_verified_at", "outcome", "message",
        "is_configured", "retired_at",
    ]  # fmt: skip
    assert [row[0] for row in rows[1:]] == ["belltastic", "evovoice", "matter"]


def test_status_shows_second_accounts_and_a_warehouse_without_a_run(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("delete from runs")
        db.execute("delete from connections where connection <> 'matter'")
        db.execute("update connections set connection = 'east', last_verified_at = null, outcome = null")
    assert Cli(home)("status").stdout.splitlines()[1:] == [
        "no run yet",
        "",
        "connection     records  outcome  last verified  age    last attempt",
        "east (matter)        3                          never  2026-11-03 02:00Z",
    ]
    assert json.loads(Cli(home)("status", "--json").stdout)["last_run"] is None


def test_promise_18_max_age_reports_stale_connections(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = cli("status", "--max-age", "2026-11-02")
    assert fresh.stderr == ""
    result = cli("status", "--max-age", "2026-11-03", "--json", code=3)
    assert result.stderr == "rollcall: belltastic is stale: last verified 2026-11-02T02:00:00Z\n"
    assert json.loads(result.stdout)["stale"] == [
        {"connection": "belltastic", "last_verified_at": "2026-11-02T02:00:00Z"}
    ]
    # Only configured connections count: no removed one, but one that no run has synced yet.
    monkeypatch.setenv("SOURCES__MATTER__ACCESS_TOKEN", "x")
    monkeypatch.setenv("SOURCES__RILLSOFT__ACCESS_TOKEN", "x")
    result = cli("status", "--max-age", "2026-11-03", code=3)
    assert result.stderr == "rollcall: rillsoft is stale: never verified\n"
    assert "neither a date nor a duration" in cli("status", "--max-age", "soon", code=2).stderr
