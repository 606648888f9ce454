"""A run on the command line: its log, and a dry run that publishes nothing."""

import re
import stat

import pytest

from pipelines.sandbox import Fault, Sandbox
from tests.support.home import Home, sandbox_settings

from .conftest import Run


def test_a_dry_run_shows_the_changes_without_making_them(
    run: Run, home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
    first = run("sync", "--dry-run").stdout.splitlines()
    assert [line for line in first if "first listing" in line] == [
        "belltastic: 12 projects, its first listing"
    ]
    assert not any("listed for the first time" in line for line in first)
    run("sync", "--quiet")
    published = home.warehouse.read_bytes()
    store = sandbox.store("belltastic")
    store.change(2, name="Renamed")
    store.remove(3)
    monkeypatch.setenv("NOTIFY__PING_URL", "http://127.0.0.1:1/")  # would be a warning if it were sent
    result = run("sync", "--dry-run")
    assert result.stderr == ""
    shown = [line.split() for line in result.stdout.splitlines()]
    assert any(line[-6:] == ["removed", "missing", "from", "a", "verified", "listing"] for line in shown)
    assert any(line[-2:] == ["->", "Renamed"] for line in shown)
    assert shown[-1] == f"This was a dry run: {home.warehouse} is unchanged".split()
    assert home.warehouse.read_bytes() == published
    assert {path.name for path in (home.path / ".rollcall").iterdir()} == {
        "published",
        "warehouse.duckdb.fingerprint",
        "warehouse.duckdb.lock",
    }


@pytest.mark.usefixtures("light")
def test_each_run_leaves_a_private_log_with_the_failing_pages_facts(
    run: Run, home: Home, sandbox: Sandbox
) -> None:
    settings = sandbox_settings(sandbox)["matter"]
    home.connect("matter", **settings, max_retries=0, page_size=5, max_connections=1)
    sandbox.faults.add(Fault("matter", times=None, status=500, match="pageNumber=2"))
    run("sync", "--quiet", code=3)
    (log,) = (home.path / "logs").iterdir()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z\.log", log.name)
    lines = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at) for at, _ in lines)
    texts = [re.sub(r"\d+\.\d s", "0.0 s", text) for _, text in lines]
    assert texts[1:4] == [
        "matter: unverified, 1 page, 2 requests, 0 retries, 0.0 s; 5 records: "
        "5 new, 0 changed, 0 removed, 0 unchanged, 0 held back, 0 quarantined",
        "matter is not verified: page 2: projects/get answered 500. What it sent was kept, nothing was "
        "removed.",
        "When this is fixed, run: rollcall sync matter",
    ]
    assert settings["access_token"] not in log.read_text()


def test_a_log_keeps_what_stopped_a_run_and_old_logs_go(
    run: Run, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGS__KEEP", "3")
    (home.path / "logs").mkdir()
    (home.path / "logs" / "mine.log").write_text("kept")
    for _ in range(5):
        run("sync", code=2)
    logs = sorted((home.path / "logs").iterdir())
    assert (len(logs), logs[-1].name) == (4, "mine.log")
    assert "failed: no connection is configured: add a table such as" in logs[-2].read_text()


def test_a_log_that_cannot_be_written_does_not_end_a_run(run: Run, home: Home) -> None:
    (home.path / "logs").write_text("a file")
    result = run("sync", code=2)
    assert result.stderr.splitlines()[0].startswith("rollcall: cannot keep a log ([Errno 20] Not a directory")
    assert "no connection is configured" in result.stderr
