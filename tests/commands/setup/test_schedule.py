"""`rollcall schedule`: a scheduler accepts what it prints, and the run works in a bare environment."""

import json
import re
import shutil
import subprocess
import sys
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import kubernetes_validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.commands.schedule import ScheduledRun, clock_fault, schedule
from pipelines.commands.schedule.kubernetes import manifests
from pipelines.common.version import rollcall_version
from pipelines.sandbox import Sandbox
from tests.docs.pages import files, page
from tests.packaging.names import INSTALLS_ANOTHER
from tests.support.home import Home, sandbox_settings

from .conftest import Run

# Replaces the program that would change the crontab of the user who runs the tests.
CRONTAB = """\
#!/bin/sh
if [ "$1" = -l ]; then cat "$0.table" 2>/dev/null || { echo "no crontab for you" >&2; exit 1; }
else cat > "$0.table"; fi
"""


COMMIT = "5a3ec84eff668545956fd18022155c47e93e2684"
PACKAGE = f"git+https://git.example.com/tools/rollcall@{COMMIT}"


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
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", log.read_text())  # when it started
    assert home.rows("select count(*) as projects from projects") == [{"projects": 12}]
    assert {path.stat().st_mode & 0o077 for path in (log, log.parent, home.warehouse)} == {0}


def test_a_per_cent_sign_does_not_end_a_cron_line(run: Run, tmp_path: Path) -> None:
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
    assert run("schedule", "cron", "--remove").stdout == "the run is no longer in this user's crontab\n"
    assert table.read_text() == "@daily backup\n@weekly tidy\n"
    assert run("schedule", "cron", "--remove", code=2).stderr == (
        f"rollcall: no schedule found for {tmp_path}. See: crontab -l\n"
    )


def test_homes_with_similar_names_have_units_of_their_own(tmp_path: Path) -> None:
    names = set()
    for directory in ("team-a", "team a", "Team-A", "team_a", "täm-a", "-" + "team-a" * 40, "名前"):
        home = tmp_path / directory
        home.mkdir()
        made = schedule(ScheduledRun(home, time(4, 30)), "systemd")
        service, timer = made.files
        assert (service.removesuffix(".service"), len(timer) < 100) == (timer.removesuffix(".timer"), True)
        assert re.fullmatch(r"rollcall-[a-z0-9-]+\.timer", timer)
        names.add(timer)
    assert len(names) == 7


def test_a_unit_of_a_home_that_ends_with_a_backslash(tmp_path: Path) -> None:
    home = tmp_path / "back\\"
    home.mkdir()
    unit = next(iter(schedule(ScheduledRun(home, time(4, 30)), "systemd").files.values()))
    lines = unit.splitlines()
    assert lines[1] == f"Description=Rollcall: the run of {tmp_path}/back\\\\"
    assert f' --home "{tmp_path}/back\\\\" sync --quiet' in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_units(run: Run, tmp_path: Path) -> None:
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
    """If systemctl fails, the units are still written and the commands are shown."""
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
    service, timer = written
    assert run("schedule", "systemd", "--remove").stdout == f"removed {timer} and {service}\n"
    assert list((tmp_path / "config" / "systemd" / "user").iterdir()) == []
    calls = Path(f"{program}.calls").read_text().splitlines()[2:]
    assert calls == [f"--user disable --now {timer}", "--user daemon-reload"]
    assert "no schedule found for" in run("schedule", "systemd", "--remove", code=2).stderr
    assert "github is not on this machine" in run("schedule", "github", "--remove", code=2).stderr
    program.write_text("#!/bin/sh\necho no bus >&2\nexit 1\n")
    failed = run("schedule", "systemd", "--install", code=2)
    assert "but systemctl failed: no bus. Run: systemctl --user daemon-reload &&" in failed.stderr


def test_github_gets_a_workflow_with_every_secret(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    home.connect("north", "matter", base_url="https://example.com/connect/v2", access_token="x")
    arguments = ("--at", "01:10", "--time-zone", "Asia/Kolkata", "--package", PACKAGE)
    text = run("schedule", "github", *arguments).stdout
    workflow = yaml.safe_load(text)
    assert workflow[True] == {  # YAML 1.1 reads `on` so
        "schedule": [{"cron": "40 19 * * *"}],
        "workflow_dispatch": {
            "inputs": {
                "first_run": {"description": "Begin a new warehouse", "type": "boolean", "default": False}
            }
        },
    }
    install, run = [step for step in workflow["jobs"]["run"]["steps"] if "env" in step]
    assert install["env"] == {"REPOSITORY": "https://git.example.com/tools/rollcall", "COMMIT": COMMIT}
    assert run["env"] == {
        name: f"${{{{ secrets.{name} }}}}"
        for name in (
            "SOURCES__BELLTASTIC__API_TOKEN", "SOURCES__EVOVOICE__PASSWORD", "SOURCES__FONE_DYNAMICS__TOKEN",
            "SOURCES__MATTER__ACCESS_TOKEN", "SOURCES__NORTH__ACCESS_TOKEN",
            "SOURCES__RILLSOFT__ACCESS_TOKEN", "NOTIFY__WEBHOOK", "NOTIFY__PING_URL", "NOTIFY__SMTP_PASSWORD",
        )
    }  # fmt: skip
    zizmor = Path(sys.executable).parent / "zizmor"
    checked = subprocess.run(
        [zizmor, "--offline", "--no-progress", "-"],
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    "package",
    [
        "rollcall-sync==0.1.0",
        "git+https://git.example.com/tools/rollcall",
        "git+https://git.example.com/tools/rollcall@main",
        f"git+https://git.example.com/tools/rollcall@{COMMIT[:12]}",
        f"git+http://git.example.com/tools/rollcall@{COMMIT}",
        f"git+https://user:secret@git.example.com/tools/rollcall@{COMMIT}",
        f"git+https://git.example.com/$(id)/rollcall@{COMMIT}",
        f"{PACKAGE}\n",
    ],
)
def test_github_accepts_only_a_full_commit_hash(package: str, run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    refused = run("schedule", "github", "--package", package, code=2)
    assert refused.stdout == ""
    assert "is not a commit of a repository. Give --package git+https://HOST/OWNER/" in refused.stderr


def test_github_needs_a_package(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    refused = run("schedule", "github", code=2)
    assert refused.stderr.startswith("rollcall: github has to install Rollcall. Give --package git+https://")


@pytest.mark.parametrize("scheduler", ["cron", "systemd", "github", "kubernetes"])
def test_schedules_install_no_other_program(scheduler: str, run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    made = run("schedule", scheduler, *(("--package", PACKAGE) if scheduler == "github" else ()))
    assert "rollcall" in made.stdout
    assert [found[0] for found in INSTALLS_ANOTHER.finditer(f"{made.stdout}\n{made.stderr}")] == []


OWN = {
    **{
        name: text
        for name, text in files(page("adding-a-provider.md")).items()
        if name.split("/")[0] != "tests"
    },
    "providers/_shared.py": "PAGE_SIZE = 100\n",
    "sql/reports/open.sql": "-- Open projects.\nselect name, from projects",
    "status_mapping.csv": "provider,provider_status,status\nmatter,Ruht — bis März,on_hold\n",
}


def own_home(home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    for name, text in OWN.items():
        path = home.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (home.path / "sql" / "reports" / ".open.sql.swp").write_bytes(b"\xff")


def test_kubernetes_gets_manifests_that_hold_to_its_schema(run: Run, home: Home, sandbox: Sandbox) -> None:
    own_home(home, sandbox)
    arguments = ("--time-zone", "Europe/Berlin", "--image", "registry.example.com/r:1")
    result = run("schedule", "kubernetes", *arguments)
    documents = list(yaml.safe_load_all(result.stdout))
    for document in documents:
        kubernetes_validate.validate(document, "1.33", strict=True)
    config, claim, job = documents
    assert (config["kind"], claim["kind"], job["kind"]) == ("ConfigMap", "PersistentVolumeClaim", "CronJob")
    assert (job["spec"]["schedule"], job["spec"]["timeZone"]) == ("30 4 * * *", "Europe/Berlin")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example.com/r:1"
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    secrets = (home.path / ".dlt" / "secrets.toml").read_text()
    for secret in [line.split('"')[1] for line in secrets.splitlines() if '"' in line]:
        assert secret not in result.stdout


def test_a_home_mounted_from_the_manifests_runs_a_run(
    run: Run, home: Home, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are put where the kubelet would put them, and the secrets are variables."""
    own_home(home, sandbox)
    config, _claim, job = yaml.safe_load_all(run("schedule", "kubernetes").stdout)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (own,) = [volume["configMap"] for volume in pod["volumes"] if volume["name"] == "own"]
    mounts = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "own"]
    mounted = {mount["subPath"] for mount in mounts}
    assert all(mount["mountPath"] == f"/home/rollcall/{mount['subPath']}" for mount in mounts)
    pod_home = Home(tmp_path / "pod")
    for item in own["items"]:
        assert Path(item["path"]).parts[0] in mounted
        path = pod_home.path / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(config["data"][item["key"]])
    carried = {item["path"]: config["data"][item["key"]] for item in own["items"]}
    assert carried == {**OWN, ".dlt/config.toml": (home.path / ".dlt" / "config.toml").read_text()}
    for connection, configured in sandbox_settings(sandbox).items():
        for key, value in configured.items():
            monkeypatch.setenv(f"SOURCES__{connection}__{key}".upper(), str(value))
    run("--home", str(pod_home.path), "sync")
    assert run("--home", str(pod_home.path), "export", "open", "--output", "-").stdout.startswith("name\n")


@settings(derandomize=True, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40) | st.text(" \t\na:#'|-"))
def test_a_config_map_holds_a_text_exactly(text: str) -> None:
    made = manifests(ScheduledRun(Path("/home"), time(4, 30)), "UTC", "image", {"sql/reports/a.sql": text})
    assert next(yaml.safe_load_all(made))["data"] == {"sql.reports.a.sql": text}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "sql/reports/große.sql",
            b"select 1",
            "sql/reports/große.sql cannot be a key of a ConfigMap. Name it",
        ),
        ("sql/reports/a.sql", b"\xff", "sql/reports/a.sql is not UTF-8. Save it as UTF-8"),
        ("sql/reports/a.sql", b"x" * 1_100_000, "are more than the 1 MiB that a ConfigMap holds. Build an"),
    ],
)
def test_a_file_that_a_config_map_cannot_hold_is_one_line(
    name: str, content: bytes, message: str, run: Run, home: Home, sandbox: Sandbox
) -> None:
    home.connect_all(sandbox)
    path = home.path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert message in run("schedule", "kubernetes", code=2).stderr


def test_the_certificates_of_connections_are_included(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox, ca_file="ca.pem")
    (home.path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    config = next(yaml.safe_load_all(run("schedule", "kubernetes").stdout))
    assert config["data"]["ca.pem"] == "-----BEGIN CERTIFICATE-----\n"


def test_the_image_is_one_that_the_dockerfile_builds(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    made = json.loads(run("schedule", "kubernetes", "--json").stdout)
    job = list(yaml.safe_load_all(made["files"]["rollcall.yaml"]))[2]
    image = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == f"localhost/rollcall-sync:{rollcall_version().replace('+', '-')}"
    build = f"docker build --build-arg VERSION={rollcall_version()} --tag {image} ."
    assert made["next_steps"][0].startswith(build)


def test_variables_that_are_set_only_here_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__MATTER__ACCESS_TOKEN", "swordfish")
    warned = run("schedule", "cron").stderr
    assert (
        "set in this shell, but not where the schedule runs: SOURCES__MATTER__ACCESS_TOKEN; write" in warned
    )
    assert "swordfish" not in warned


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cron", "--time-zone", "Asia/Tokyo"], "cron uses this machine's time"),
        (["systemd", "--time-zone", "Mars/Base"], "unknown time zone Mars/Base"),
        (["kubernetes"], "no connection is configured"),
        (["cron", "--at", "25:00"], "'25:00' does not match"),
    ],
)
def test_a_wrong_argument_is_one_line(run: Run, home: Home, arguments: list[str], message: str) -> None:
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


def test_every_secret_in_use_is_named_for_kubernetes(run: Run, home: Home) -> None:
    home.connect("belltastic", api_token="user_1")
    config, secrets = (home.path / ".dlt" / name for name in ("config.toml", "secrets.toml"))
    config.write_text(
        f'{config.read_text()}\n[warehouse]\nengine = "ducklake"\ncatalog = "catalog"\ndata = "data"\n'
    )
    secrets.write_text(
        f'{secrets.read_text()}\n[notify]\nping_url = "https://ping.example.com/1"\n'
        '[warehouse]\ncatalog_password = "c"\n'
        '[destination.bi]\ncredentials = "postgresql://rollcall:p@db.example.com/bi"\n'
        '[destination.lake.credentials]\naws_secret_access_key = "s"\n'
    )
    steps = run("schedule", "kubernetes").stderr
    (line,) = [line for line in steps.splitlines() if "secrets.env for each of" in line]
    assert line.partition(" for each of ")[2].split(", ") == [
        "SOURCES__BELLTASTIC__API_TOKEN",
        "NOTIFY__PING_URL",
        "WAREHOUSE__CATALOG_PASSWORD",
        "DESTINATION__BI__CREDENTIALS",
        "DESTINATION__LAKE__CREDENTIALS__AWS_SECRET_ACCESS_KEY",
    ]
