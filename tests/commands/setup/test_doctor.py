"""`rollcall doctor`: it finds what would stop a run, says how to fix it, and changes nothing."""

import errno
import fcntl
import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.commands.doctor import providers
from pipelines.commands.doctor.outputs import check_notices
from pipelines.commands.doctor.warehouse import check_place
from pipelines.extract.connections import load_connections
from pipelines.sandbox import Fault, Sandbox
from pipelines.warehouse.lock import locked
from tests.support.home import Home, sandbox_settings
from tests.support.loopback import Answer, Loopback

from .conftest import Run

Usage = namedtuple("Usage", "total used free")


def test_a_healthy_home_passes_every_check(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    result = run("doctor")
    lines = {line.split()[1]: line.split() for line in result.stdout.splitlines()[:-1] if line[0] != " "}
    assert {words[0] for name, words in lines.items() if name != "notices"} == {"ok"}
    assert lines["matter"][2:] == ["12", "of", "12", "projects", "on", "its", "first", "page"]
    assert lines["clock"][2:] == ["agrees", "with", "the", "providers'"]
    assert result.stdout.endswith("Ready: rollcall sync\n")
    asked = [request.provider for request in sandbox.requests]
    assert {name: asked.count(name) for name in set(asked)} == {
        "belltastic": 1, "evovoice": 2, "fone_dynamics": 1, "matter": 1, "rillsoft": 3,
    }  # fmt: skip
    assert {path.name for path in home.path.iterdir()} == {".dlt", ".rollcall"}


def test_a_time_zone_that_does_not_exist_is_found(run: Run, home: Home) -> None:
    home.connect("belltastic", base_url="http://127.0.0.1:1", api_token="x", max_retries=0)
    with (home.path / ".dlt" / "config.toml").open("a") as file:
        file.write('[display]\ntime_zone = "Europe/Viena"\n')
    lines = run("doctor", code=2).stdout.splitlines()
    assert any("time_zone of [display] is not an IANA time zone: Europe/Viena" in line for line in lines)


def test_doctor_finds_all_problems_at_once(
    run: Run, home: Home, sandbox: Sandbox, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.connect_all(sandbox)
    home.connect("matter", base_url="https://matter.example.com/connect/v2", page_size=500)
    home.connect(
        "bells", "belltastic", base_url=loopback.serve("bells", Answer([{"name": "no id"}])), api_token="x"
    )
    home.connect("closed", "belltastic", base_url="http://127.0.0.1:1", api_token="x", max_retries=0)
    wrong = sandbox_settings(sandbox)["belltastic"] | {"api_token": "user_wrong"}
    home.connect("belltastic", **wrong)
    sandbox.faults.add(Fault("rillsoft", match="clients/12/", times=None, status=403))
    (home.path / ".dlt" / "secrets.toml").chmod(0o644)
    (home.path / "status_mapping.csv").write_text("provider,status\n")
    (home.path / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    monkeypatch.setenv("NOTIFY__RUNS", "some")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1 << 40, 1 << 40, 1 << 20))
    examination = json.loads(run("doctor", "--json", code=2).stdout)
    failed: dict[str, list[dict[str, list[str]]]] = {}
    for check in examination["checks"]:
        if check["outcome"] == "failed":
            failed.setdefault(check["name"], []).append(check)
    assert failed.keys() == {
        "files", "configuration", "models", "notices", "disk", "warehouse",
        "bells", "belltastic", "closed", "rillsoft 12",
    }  # fmt: skip
    assert all(check["remedies"] for checks in failed.values() for check in checks)
    secrets = home.path / ".dlt" / "secrets.toml"
    assert failed["files"][0]["remedies"] == [f"chmod 600 {secrets}"]
    assert [check["message"] for check in failed["configuration"]] == [
        "matter has no access_token",
        "page_size of matter is 500",
    ]
    assert failed["configuration"][0]["remedies"] == [
        'set access_token = "…" under [sources.matter] in .dlt/secrets.toml, '
        "or the variable SOURCES__MATTER__ACCESS_TOKEN"
    ]
    assert failed["belltastic"][0]["remedies"][1:] == [
        'set api_token = "…" under [sources.belltastic] in .dlt/secrets.toml, '
        "or the variable SOURCES__BELLTASTIC__API_TOKEN"
    ]
    assert failed["closed"][0]["remedies"] == [
        "check that this machine can reach http://127.0.0.1:1",
        'set base_url = "…" under [sources.closed] in .dlt/config.toml, '
        "or the variable SOURCES__CLOSED__BASE_URL",
    ]
    assert failed["bells"][0]["message"] == "its first record cannot be read: its id, id, is missing"
    assert "user_wrong" not in json.dumps(examination)


def test_a_wrong_clock_fails_the_check(home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) - timedelta(hours=2)

    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
    monkeypatch.setattr(providers, "datetime", Late)
    check = providers.check_providers(load_connections(home.path))[-1]
    assert check.outcome == "failed"
    assert check.message.split()[2:] == ["behind", "the", "providers'"]
    assert check.remedies == ("timedatectl set-ntp true",)


def test_a_lock_that_is_held_or_not_supported_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with locked(warehouse):
        (check,) = check_place(warehouse)
    assert (check.name, check.outcome) == ("lock", "warning")
    monkeypatch.setattr(fcntl, "flock", refuse)
    (check,) = check_place(warehouse)
    assert (
        check.message
        == f"the file system of {tmp_path / '.rollcall'} does not support locks (Operation not permitted)"
    )
    assert check.outcome == "failed"
    assert "WAREHOUSE__PATH" in check.remedies[0]


def read_only(_path: object, wanted: int) -> bool:
    return not wanted & os.W_OK


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("name", "stand_in", "message", "code"),
    [("os.access", read_only, "is not writable", 2), ("fcntl.flock", no_room, "No space left", 1)],
)
def test_doctor_refuses_a_place_that_a_run_would_refuse(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    stand_in: Callable[..., bool | None],
    message: str,
    code: int,
) -> None:
    monkeypatch.setattr(name, stand_in)
    monkeypatch.setenv("SOURCES__BELLTASTIC__API_TOKEN", "x")
    monkeypatch.setenv("SOURCES__BELLTASTIC__BASE_URL", "http://127.0.0.1:1")
    checks = json.loads(run("doctor", "--json", code=code).stdout)["checks"]
    (check,) = [check for check in checks if check["name"] == "lock"]
    assert check["outcome"] == "failed"
    assert message in check["message"]
    assert {"models", "warehouse"} < {check["name"] for check in checks}  # the other checks still run


@pytest.mark.parametrize(("name", "sign"), [("why?", "?"), ("50%", "%")])
def test_a_name_that_nothing_can_land_in(tmp_path: Path, name: str, sign: str) -> None:
    warehouse = tmp_path / name / "warehouse.duckdb"
    (check,) = check_place(warehouse)
    assert check.outcome == "failed"
    assert check.message == f"the path of {warehouse} contains {sign}, which dlt or DuckDB misreads"
    assert not warehouse.parent.exists()


def test_the_exit_code_is_that_of_a_run(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
    run("doctor")
    with locked(home.warehouse):
        busy = run("doctor", code=5)
        run("sync", "--quiet", code=5)
    assert busy.stdout.endswith("Not now: another run is in progress\n")
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"] | {"api_token": "user_wrong"})
    run("doctor", code=3)
    run("sync", "--quiet", code=3)
    check = home.path / "sql" / "checks" / "mine.sql"
    check.parent.mkdir(parents=True)
    check.write_text("-- a promise that the published facts break\nselect 1 from raw.runs")
    published = home.warehouse.read_bytes()
    refused = run("doctor", code=4)
    assert "checks failed: 1; first mine" in refused.stdout
    run("sync", "--quiet", code=4)
    assert home.warehouse.read_bytes() == published


def test_a_place_for_the_log_or_the_metrics_that_cannot_be_written_is_a_warning(
    run: Run, home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
    (home.path / "file").touch()
    monkeypatch.setenv("LOGS__PATH", "file/logs")
    monkeypatch.setenv("MONITORING__TEXTFILE", "missing/rollcall.prom")
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert (checks["log"]["outcome"], checks["metrics"]["outcome"]) == ("warning", "warning")
    assert checks["metrics"]["message"] == (
        f"a run cannot write to {home.path}/missing, and continues without its metrics"
    )


def test_doctor_sends_notices_on_request(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY__PING_URL", loopback.serve("gone", Answer("", 404)))
    assert check_notices(tmp_path, send_notice=False).outcome == "ok"
    check = check_notices(tmp_path, send_notice=True)
    assert (check.outcome, check.message) == (
        "failed",
        "the ping notice was not delivered: the server answered 404",
    )
    assert [asked.path for asked in loopback.asked["gone"]] == ["log"]


def test_every_report_is_tried(run: Run, home: Home, sandbox: Sandbox) -> None:
    home.connect_all(sandbox)
    folder = home.path / "sql" / "reports"
    folder.mkdir(parents=True)
    (folder / "fine.sql").write_text("select project_key from projects_as_of('2026-11-01')")
    assert "reports" in run("doctor").stdout
    for name, sql in (
        ("mine (1)", "from projects"),
        ("wrong", "select nme from projects"),
        ("file", "from 'x.csv'"),
    ):
        (folder / f"{name}.sql").write_text(sql)
    checks = json.loads(run("doctor", "--json", code=2).stdout)["checks"]
    failed = [check for check in checks if check["outcome"] == "failed"]
    assert {check["name"] for check in failed} == {"reports"}
    named = [check["message"].partition(".sql")[0].rpartition("/")[2] for check in failed]
    assert named == ["file", "mine (1)", "wrong"]
    assert all(check["remedies"][-1] == "correct it, or move it away" for check in failed)
