"""Metrics, logs and alarms: what a monitor sees of a run."""

import json
import re
import shutil
import stat
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.pages import ROOT, page
from tests.support.home import Home
from tests.support.loopback import Answer, Asked, Loopback

from .conftest import Run

EXAMPLES = ROOT / "examples" / "monitoring"
IN_FILE_ONLY = {"rollcall_last_attempt_timestamp_seconds", "rollcall_last_attempt_exit_code"}


@pytest.fixture
def projects(home: Home, loopback: Loopback) -> list[dict[str, Any]]:
    """The projects of the only connection of the home."""
    projects = [{"id": number, "name": f"Project {number}"} for number in range(20)]
    home.connect(
        "belltastic", base_url=loopback.serve("bells", lambda _: Answer(projects)), api_token="user_1"
    )
    return projects


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Each value, by the name of its metric and its labels but `home`."""
    return {
        (
            sample.name,
            *(value for name, value in sorted(sample.labels.items()) if name != "home"),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def promtool(*arguments: str, text: str = "") -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt install prometheus")
    done = subprocess.run([program, *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("without_dlt")
def test_a_run_writes_metrics_and_a_failed_one_keeps_those_of_the_warehouse(
    run: Run, home: Home, projects: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    textfile = home.path / "metrics" / "rollcall.prom"
    textfile.parent.mkdir()
    monkeypatch.setenv("MONITORING__TEXTFILE", "metrics/rollcall.prom")
    run("sync", "--quiet")
    assert stat.S_IMODE(textfile.stat().st_mode) == 0o644
    text = textfile.read_text()
    found = samples(text)
    times = {key: value for key, value in found.items() if re.search("timestamp|duration|info", key[0])}
    labels = ("belltastic", "belltastic")
    assert {key: found[key] for key in found.keys() - times.keys()} == {
        ("rollcall_last_run_exit_code",): 0,
        ("rollcall_last_attempt_exit_code",): 0,
        ("rollcall_warehouse_bytes",): home.warehouse.stat().st_size,
        ("rollcall_connection_records", *labels): 20,
        ("rollcall_connection_new", *labels): 20,
        ("rollcall_connection_changed", *labels): 0,
        ("rollcall_connection_removed", *labels): 0,
        ("rollcall_connection_quarantined", *labels): 0,
        ("rollcall_connection_held_back", *labels): 0,
    } | {
        ("rollcall_connection_outcome", "belltastic", outcome, "belltastic"): outcome == "verified"
        for outcome in ("verified", "unverified", "held_back", "failed")
    }
    names = {key[0] for key in found}
    documented = set(re.findall(r"^\| `(rollcall_\w+)` \|", page("monitoring.md"), re.MULTILINE))
    assert names == documented
    shown = run("status", "--format", "prometheus").stdout
    assert {key[0] for key in samples(shown)} == documented - IN_FILE_ONLY
    for example in EXAMPLES.iterdir():
        used = set(re.findall(r"rollcall_\w+", example.read_text()))
        assert used
        assert used <= documented, example.name
    run("sync", "mater", code=2)  # a mistake of the user, not a failed run
    assert textfile.read_text() == text
    monkeypatch.setenv("SOURCES__BELLTASTIC__TIMEOUT_S", "never")
    run("sync", "--quiet", code=2)
    after = samples(textfile.read_text())
    assert after[("rollcall_last_attempt_exit_code",)] == 2
    assert {key: value for key, value in after.items() if "attempt_" not in key[0]} == {
        key: value for key, value in found.items() if "attempt_" not in key[0]
    }
    assert [path.name for path in textfile.parent.iterdir()] == ["rollcall.prom"]
    promtool("check", "metrics", text=text)


def test_the_alert_rules_are_accepted_by_promtool() -> None:
    assert "SUCCESS: 9 rules found" in promtool("check", "rules", str(EXAMPLES / "alerts.yml"))


def test_the_dashboard_is_json_with_a_query_in_every_panel() -> None:
    dashboard = json.loads((EXAMPLES / "dashboard.json").read_text())
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_metrics_that_cannot_be_written_do_not_fail_the_run(
    run: Run, home: Home, projects: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITORING__TEXTFILE", "missing/rollcall.prom")
    file = home.path / "missing" / "rollcall.prom"
    assert run("sync", "--quiet").stderr == (
        f"rollcall: cannot write the metrics {file} (No such file or directory); the run continues\n"
    )
    monkeypatch.setenv("MONITORING__TEXTFILE", "rollcall.txt")
    assert run("sync", "--quiet").stderr == (
        "rollcall: cannot write metrics: textfile of [monitoring] is 'rollcall.txt': "
        "give it a name that ends in .prom: node_exporter reads no others\n"
    )


@pytest.mark.usefixtures("light")
def test_held_back_removals_alarm_once_and_when_their_number_changes(
    run: Run, home: Home, projects: list[dict[str, Any]], loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Asked] = []

    def take(request: Asked) -> Answer:
        asked.append(request)
        return Answer("ok")

    monkeypatch.setenv("NOTIFY__PING_URL", loopback.serve("ping", take))
    run("sync", "--quiet")
    ends = []
    for listed in (10, 10, 9, 9):
        del projects[listed:]
        asked.clear()
        run("sync", "--quiet", code=3)
        ends.append((asked[-1].path, asked[-1].body.decode().splitlines()[0].rpartition(": the run ")[2]))
    again = "was published, removals are still held back: belltastic"
    assert ends == [
        ("fail", "was published, not all of it verified"),
        ("", again),
        ("fail", "was published, not all of it verified"),
        ("", again),
    ]


@pytest.mark.usefixtures("light")
def test_logs_can_be_json_on_standard_output(
    run: Run, home: Home, projects: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGS__PATH", "-")
    monkeypatch.setenv("LOGS__FORMAT", "json")
    lines = [json.loads(line) for line in run("sync", "--quiet").stdout.splitlines()]
    assert {tuple(line) for line in lines} == {("time", "level", "run", "message")}
    assert len({line["run"] for line in lines}) == 1
    assert [(line["level"], line["message"].partition(",")[0]) for line in lines[:2]] == [
        ("info", lines[0]["message"].partition(",")[0]),
        ("info", "belltastic: verified"),
    ]
    assert not (home.path / "logs").exists()
    monkeypatch.setenv("SOURCES__BELLTASTIC__TIMEOUT_S", "never")
    (_, last) = map(json.loads, run("sync", "--quiet", code=2).stdout.splitlines())
    assert (last["level"], last["message"].partition(":")[0]) == ("error", "failed")
    monkeypatch.setenv("LOGS__FORMAT", "xml")
    assert "cannot keep a log (format of [logs] is 'xml'" in run("sync", code=2).stderr


@pytest.mark.usefixtures("light")
def test_only_lines_about_a_problem_are_warnings(
    run: Run, home: Home, loopback: Loopback, projects: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.connect(
        "closed", "belltastic", base_url=loopback.serve("closed", Answer({}, status=403)), api_token="user_2"
    )
    monkeypatch.setenv("LOGS__PATH", "-")
    monkeypatch.setenv("LOGS__FORMAT", "json")
    printed = run("sync", "--quiet", code=3).stdout.splitlines()
    lines = [json.loads(line) for line in printed if line.startswith("{")]
    assert [(line["level"], line["message"].split()[0]) for line in lines[1:]] == [
        ("info", "belltastic:"),
        ("warning", "closed:"),
        ("warning", "closed"),
        ("info", "When"),
        ("info", "Published"),
    ]


def test_the_file_of_cron_is_rotated_when_it_is_large(run: Run, home: Home) -> None:
    logs = home.path / "logs"
    logs.mkdir()
    (logs / "cron.log").write_bytes(b"small")
    run("sync", code=2)
    assert (logs / "cron.log").read_bytes() == b"small"
    large = b"x" * (1 << 20 | 1)
    (logs / "cron.log").write_bytes(large)
    run("sync", code=2)
    assert not (logs / "cron.log").exists()
    assert (logs / "cron.log.1").read_bytes() == large


def test_old_logs_go(run: Run, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGS__KEEP", "2")
    for _ in range(3):
        run("sync", code=2)
    assert len(list((home.path / "logs").iterdir())) == 2
    monkeypatch.setenv("LOGS__KEEP", "0")
    for _ in range(2):
        run("sync", code=2)
    assert len(list((home.path / "logs").iterdir())) == 4
