"""`rollcall schedule`: what it prints is what a scheduler takes, and runs in a bare environment."""

import json
import re
import shutil
import subprocess
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from pipelines.commands.schedule import clock_fault, schedule
from pipelines.sandbox import Sandbox
from tests.home import Home, sandbox_settings

from .conftest import Run

# A stand-in for the program that would change the table of whoever runs the tests.
CRONTAB = """\
#!/bin/sh
if [ "$1" = -l ]; then cat "$0.table" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; }
else cat > "$0.table"; fi
"""


def entry(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line and not line.startswith("#")]
    return line


def test_cron_runs_a_run_with_a_bare_environment(run: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    home = Home(tmp_path / "a place")
    home.path.mkdir()
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
    line = entry(run("--home", str(home.path), "schedule", "cron", "--at", "4:05").stdout)
    minute, hour, *every, command = line.split(" ", 5)
    assert (minute, hour, every) == ("5", "4", ["*", "*", "*"])
    bare = {"PATH": "/usr/bin:/bin", "LANG": "C", "SHELL": "/bin/sh"}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd="/", env=bare, capture_output=True, timeout=60, check=False
    )
    log = home.path / "logs" / "cron.log"
    assert (done.returncode, done.stdout, done.stderr, log.read_text()) == (0, b"", b"", "")
    assert home.rows("select count(*) as projects from projects") == [{"projects": 12}]
    assert {path.stat().st_mode & 0o077 for path in (log, log.parent, home.warehouse)} == {0}


def test_a_per_cent_sign_is_no_end_of_line_to_cron(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "50% done"
    home.mkdir()
    line = entry(run("--home", str(home), "schedule", "cron").stdout)
    assert line.count("50%") == 0
    assert line.count(r"50\% done") == 2


def test_cron_is_installed_once_and_leaves_other_lines(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(CRONTAB)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    run("schedule", "cron", "--install")
    table = Path(f"{program}.table")
    table.write_text("@daily backup\n" + table.read_text() + "@weekly tidy")
    run("schedule", "cron", "--at", "03:15", "--install")
    lines = table.read_text().splitlines()
    assert lines[:3] == ["@daily backup", "@weekly tidy", f"# rollcall, begin: {tmp_path}"]
    assert [line.split()[:2] for line in lines if "sync" in line] == [["15", "3"]]


def test_homes_with_similar_names_have_units_of_their_own(tmp_path: Path) -> None:
    names = set()
    for directory in ("team-a", "team a", "Team-A", "team_a", "täm-a", "-" + "team-a" * 40, "名前"):
        home = tmp_path / directory
        home.mkdir()
        made = schedule(home, "systemd", at=time(4, 30))
        service, timer = made.files
        assert (service.removesuffix(".service"), len(timer) < 100) == (timer.removesuffix(".timer"), True)
        assert re.fullmatch(r"rollcall-[a-z0-9-]+\.timer", timer)
        names.add(timer)
    assert len(names) == 7


def test_a_unit_of_a_home_that_ends_with_a_backslash(tmp_path: Path) -> None:
    home = tmp_path / "back\\"
    home.mkdir()
    unit = next(iter(schedule(home, "systemd", at=time(4, 30)).files.values()))
    lines = unit.splitlines()
    assert lines[1] == f"Description=Rollcall: the run of {tmp_path}/back\\\\"
    assert f' --home "{tmp_path}/back\\\\" sync --quiet' in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_units(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "50% of O'Brien's"
    home.mkdir()
    made = json.loads(
        run("--home", str(home), "schedule", "systemd", "--time-zone", "Europe/Berlin", "--json").stdout
    )
    units = tmp_path / "units"
    units.mkdir()
    for name, text in made["files"].items():
        (units / name).write_text(text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, units.iterdir()))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")
    service = next(text for name, text in made["files"].items() if name.endswith(".service"))
    assert f"--home \"{tmp_path}/50%% of O'Brien's\" sync" in service
    timer = next(text for name, text in made["files"].items() if name.endswith(".timer"))
    assert "OnCalendar=*-*-* 04:30:00 Europe/Berlin\n" in timer


def test_systemd_units_are_installed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a systemctl that answers, the units are written and the commands are named."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" >> "$0.calls"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    run("schedule", "systemd", "--install")
    written = sorted(path.name for path in (tmp_path / "config" / "systemd" / "user").iterdir())
    assert [name.rpartition(".")[2] for name in written] == ["service", "timer"]
    calls = Path(f"{program}.calls").read_text().splitlines()
    assert calls == ["--user daemon-reload", f"--user enable --now {written[1]}"]
    program.write_text("#!/bin/sh\necho no bus >&2\nexit 1\n")
    failed = run("schedule", "systemd", "--install", code=2)
    assert "but systemctl failed: no bus. Run: systemctl --user daemon-reload &&" in failed.stderr


def test_github_gets_a_workflow_with_every_secret(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    home.connect("north", "matter", base_url="https://example.com/connect/v2", access_token="x")
    text = run("schedule", "github", "--at", "01:10", "--time-zone", "Asia/Kolkata").stdout
    workflow = yaml.safe_load(text)
    assert workflow[True] == {  # YAML 1.1 reads `on` so
        "schedule": [{"cron": "40 19 * * *"}],
        "workflow_dispatch": {
            "inputs": {
                "first_run": {"description": "Begin a new warehouse", "type": "boolean", "default": False}
            }
        },
    }
    (run,) = [step for step in workflow["jobs"]["run"]["steps"] if "env" in step]
    assert run["env"] == {
        name: f"${{{{ secrets.{name} }}}}"
        for name in (
            "SOURCES__BELLTASTIC__API_TOKEN", "SOURCES__EVOVOICE__PASSWORD", "SOURCES__FONE_DYNAMICS__TOKEN",
            "SOURCES__MATTER__ACCESS_TOKEN", "SOURCES__NORTH__ACCESS_TOKEN",
            "SOURCES__RILLSOFT__ACCESS_TOKEN", "NOTIFY__WEBHOOK", "NOTIFY__PING_URL", "NOTIFY__SMTP_PASSWORD",
        )
    }  # fmt: skip
    if actionlint := shutil.which("actionlint"):
        checked = subprocess.run(
            [actionlint, "-"], input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert (checked.returncode, checked.stdout) == (0, "")


def test_kubernetes_gets_a_cron_job(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    file = home.path / ".dlt" / "config.toml"
    written = file.read_text()
    file.write_text(written, encoding="utf-8-sig")
    result = run(
        "schedule", "kubernetes", "--time-zone", "Europe/Berlin", "--image", "registry.example.com/r:1"
    )
    config, claim, job = yaml.safe_load_all(result.stdout)
    assert config["data"]["config.toml"].rstrip() == written.rstrip()
    assert (claim["kind"], job["kind"]) == ("PersistentVolumeClaim", "CronJob")
    assert (job["spec"]["schedule"], job["spec"]["timeZone"]) == ("30 4 * * *", "Europe/Berlin")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example.com/r:1"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    secrets = (home.path / ".dlt" / "secrets.toml").read_text()
    for secret in [line.split('"')[1] for line in secrets.splitlines() if '"' in line]:
        assert secret not in result.stdout


def test_what_is_set_only_here_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__MATTER__ACCESS_TOKEN", "swordfish")
    told = run("schedule", "cron").stderr
    assert "set here, and not where the schedule runs: SOURCES__MATTER__ACCESS_TOKEN; write" in told
    assert "swordfish" not in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cron", "--time-zone", "Asia/Tokyo"], "cron keeps this machine's time"),
        (["systemd", "--time-zone", "Mars/Base"], "there is no time zone Mars/Base"),
        (["kubernetes"], "no connection is configured"),
        (["cron", "--at", "25:00"], "'25:00' does not match"),
    ],
)
def test_what_cannot_be_is_one_line(run: Run, home: Home, arguments: list[str], message: str) -> None:
    assert message in run("schedule", *arguments, code=2).stderr


@pytest.mark.parametrize(
    ("day", "at", "zone", "fault"),
    [
        (date(2027, 3, 28), time(2, 30), "Europe/Berlin", "has no"),
        (date(2027, 10, 31), time(2, 30), "Europe/Berlin", "repeats"),
        (date(2027, 3, 28), time(3, 0), "Europe/Berlin", None),
        (date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe", "has no"),
        (date(2027, 3, 28), time(3, 30), "Europe/Helsinki", "has no"),
        (date(2027, 3, 29), time(2, 30), "Europe/Berlin", None),
    ],
)
def test_a_time_that_clocks_skip_or_repeat_is_found(
    day: date, at: time, zone: str, fault: str | None
) -> None:
    assert clock_fault(day, at, ZoneInfo(zone)) == fault


@pytest.mark.parametrize("scheduler", ["systemd", "kubernetes"])
def test_a_chosen_time_that_a_day_lacks_gets_a_warning(
    scheduler: str, run: Run, home: Home, sandbox: Sandbox
) -> None:
    home.connect_all(sandbox)
    arguments = ("schedule", scheduler, "--time-zone", "Europe/Berlin", "--json")
    (warning,) = json.loads(run(*arguments, "--at", "02:30").stdout)["warnings"]
    assert warning.endswith(" 02:30 in Europe/Berlin; choose a time from 04:00 to 20:59")
    assert json.loads(run(*arguments).stdout)["warnings"] == []


def test_without_a_scheduler_the_choices_are_one_line(run: Run) -> None:
    assert run("schedule", code=2).stderr == (
        "rollcall: Missing argument '{cron|systemd|github|kubernetes}'. "
        "Choose from: cron, systemd, github, kubernetes. See rollcall schedule --help\n"
    )
