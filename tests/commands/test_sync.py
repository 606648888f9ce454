"""`rollcall sync` on the command line: what it prints, and how it ends."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main, progress
from pipelines.common.errors import SyncError
from pipelines.load.listings import Listings
from pipelines.sandbox import Fault, Sandbox
from tests.support.home import Home


@pytest.fixture
def sandbox(home: Home) -> Iterator[Sandbox]:
    with Sandbox(projects=30, files=0) as sandbox:
        home.connect_all(sandbox)
        yield sandbox


def run(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.path), *arguments])


def lines(text: str) -> list[str]:
    return [re.sub(r" +", " ", re.sub(r"\d+\.\d", "0.0", line)).strip() for line in text.splitlines()]


def test_the_last_lines_say_what_to_do(home: Home, sandbox: Sandbox) -> None:
    published = f"Published {home.warehouse}. Next: rollcall changes, rollcall status, rollcall export"
    verified = run(home, "sync", "belltastic", "matter")
    assert (verified.exit_code, verified.stderr) == (0, "")
    assert lines(verified.stdout) == [
        "listing listed new changed removed unchanged held back quarantined seconds outcome",
        "belltastic 30 30 0 0 0 0 0 0.0 verified",
        "matter 30 30 0 0 0 0 0 0.0 verified",
        "",
        published,
    ]
    for record in sandbox.store("belltastic").records(0, 20):
        sandbox.store("belltastic").remove(record["id"])
    sandbox.faults.add(Fault("matter", times=None, status=500))
    result = run(home, "sync", "belltastic", "matter")
    assert (result.exit_code, result.stderr) == (3, "")
    assert lines(result.stdout)[4:] == [
        "belltastic is held back: 20 of 30 known records are missing. Nothing was removed.",
        "matter failed: page 1: projects/get answered 500 after 5 attempts. "
        "Its rows stay; the next run tries again.",
        "If these 20 are gone: rollcall sync belltastic --accept-removals belltastic=20",
        "When this is fixed, run: rollcall sync matter",
        published,
    ]
    accepted = run(home, "sync", "belltastic", "--accept-removals", "belltastic=20", "--json")
    summary = json.loads(accepted.stdout)
    (listing,) = summary["listings"]
    assert (summary["exit_code"], listing["removed"], listing["outcome"]) == (0, 20, "verified")


def test_a_count_of_one_is_singular(home: Home, sandbox: Sandbox) -> None:
    store = sandbox.store("belltastic")
    *others, last = store.records()
    for record in others:
        store.remove(record["id"])
    preview = run(home, "sync", "belltastic", "--dry-run")
    assert "belltastic: 1 project, its first listing" in preview.stdout.splitlines()
    run(home, "sync", "belltastic")
    store.remove(last["id"])
    result = run(home, "sync", "belltastic")
    assert lines(result.stdout)[3:5] == [
        "belltastic is held back: 1 of 1 known record is missing. Nothing was removed.",
        "If this one is gone: rollcall sync belltastic --accept-removals belltastic=1",
    ]
    assert "1 page, 1 request, 0 retries, " in sorted(home.path.glob("logs/*.log"))[-1].read_text()
    store.put({"id": "", "name": "no id"})
    store.restore(last["id"])
    result = run(home, "sync", "belltastic")
    assert lines(result.stdout)[3:5] == [
        "belltastic is not verified: 1 record has no readable id. "
        "What it sent was kept, nothing was removed.",
        "belltastic: 1 record quarantined; see: rollcall query 'from quarantine'",
    ]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("setting", "mistake"),
    [
        ("[display]\ntime_zone = 3", "time_zone of [display] in FILE should be a string, not 3"),
        ("[exports]\npath = 3", "path of [exports] in FILE should be a string, not 3"),
        ("[exports]\nkeep = 'many'", "keep of [exports] should be an integer, not 'many'"),
        ("[logs]\nkeep = []", "keep of [logs] should be an integer, not []"),
        ("[logs]\nformat = 'xml'", "format of [logs] is 'xml'"),
        ("[monitoring]\ntextfile = 3", "textfile of [monitoring] in FILE should be a string, not 3"),
    ],
)
def test_a_wrong_setting_of_what_follows_a_run_is_named_before_it(
    home: Home, setting: str, mistake: str
) -> None:
    file = home.path / ".dlt" / "config.toml"
    with file.open("a") as config:
        config.write(f"\n{setting}\n")
    mistake = mistake.replace("FILE", str(file))
    dry_run = run(home, "sync", "belltastic", "--dry-run")
    assert dry_run.exit_code == 0
    assert mistake in dry_run.stderr.splitlines()[0]
    examined = run(home, "doctor", "belltastic")
    assert [line for line in examined.stdout.splitlines() if line.endswith(mistake)] != []


@pytest.mark.usefixtures("sandbox", "light")
def test_a_log_shows_progress_and_quiet_does_not(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    assert run(home, "sync", "belltastic").stderr == "belltastic: 30 records in 1 page so far\n"
    quiet = run(home, "sync", "belltastic", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")


@pytest.mark.usefixtures("sandbox")
def test_a_run_causes_no_python_warning(home: Home) -> None:
    """The process of the run, the one that reads its records, and what it knows of the previous run."""
    code = "from pipelines.cli import main; main(prog_name='rollcall')"
    command = [sys.executable, "-W", "error", "-c", code, "--home", str(home.path), "sync", "--quiet"]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_mistake_is_one_line(home: Home) -> None:
    home.connect("matter", base_url="nonsense", access_token="swordfish")
    wrong_setting = run(home, "sync")
    assert (wrong_setting.exit_code, wrong_setting.stdout, wrong_setting.stderr) == (
        2,
        "",
        "rollcall: base_url of matter is 'nonsense'. Give a complete URL such as https://example.com/api\n",
    )
    no_connection = run(home, "sync", "mater")
    assert (no_connection.exit_code, no_connection.stderr) == (
        2,
        "rollcall: there is no connection mater. Did you mean matter?\n",
    )


@pytest.mark.usefixtures("sandbox")
def test_a_run_may_last_six_hours(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def land(listings: Listings, _scratch: Path) -> None:
        assert listings.deadline == 7.0 + 6 * 3600
        raise SyncError("that will do")

    monkeypatch.setattr("pipelines.commands.sync.land", land)
    monkeypatch.setattr("pipelines.commands.sync.time", SimpleNamespace(monotonic=lambda: 7.0))
    with pytest.raises(SyncError, match=r"^that will do"):
        home.run()
