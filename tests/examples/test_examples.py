"""The examples for orchestrators: how they map each exit code, and runs in the orchestrators themselves.

The orchestrators are large, so their tests are skipped unless `make test-orchestrators` runs them. It sets
UV to the uv that runs the tests, which installs each orchestrator in its own environment.
"""

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.sandbox import Sandbox
from tests.support.home import Home, sandbox_settings

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PACKAGES = {
    "airflow": ("apache-airflow==3.3.2",),
    "dagster": ("dagster==1.13.28",),
    "prefect": ("prefect==3.8.8", "fastapi<0.151"),  # a later version lacks what this Prefect uses
}
ENDED = {
    "airflow": {
        "verified": {"run": "success", "exports": "success"},
        "partial": {"run": "success", "exports": "success"},
        "failed": {"run": "failed", "exports": "upstream_failed"},
        "busy": {"run": "skipped", "exports": "skipped"},
    },
    "dagster": {
        "verified": {"warehouse": "success", "exports": "success", "every_listing_verified": "passed"},
        "partial": {"warehouse": "success", "exports": "success", "every_listing_verified": "WARN"},
        "failed": {"warehouse": "failed"},
        "busy": {"warehouse": "success", "exports": "skipped", "every_listing_verified": "WARN"},
    },
    "prefect": {
        "verified": ["COMPLETED", "Completed"],
        "partial": ["COMPLETED", "Partial"],
        "failed": ["FAILED", "Failed"],
        "busy": ["COMPLETED", "Skipped"],
    },
}
WARNED = "matter failed: page 1: projects/get answered 401"


@pytest.fixture
def example() -> ModuleType:
    """The module that the three examples share."""
    spec = importlib.util.spec_from_file_location("rollcall_command", EXAMPLES / "rollcall_command.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("code", "outcome"), [(0, "verified"), (3, "partial"), (5, "busy")])
def test_an_exit_code_is_an_outcome(
    code: int, outcome: str, example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_on_path(tmp_path, f'echo "$@"; echo "a message" >&2; exit {code}', monkeypatch)
    assert example.rollcall("sync", "--quiet") == (outcome, "sync --quiet\na message\n")


@pytest.mark.parametrize("end", ["exit 1", "exit 2", "exit 4", "exit 120", "kill -9 $$"])
def test_any_other_exit_code_is_a_failure(
    end: str, example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put_on_path(tmp_path, f"echo why; {end}", monkeypatch)
    with pytest.raises(example.CommandFailed, match=r"rollcall sync ended with -?\d+: why$"):
        example.rollcall("sync")


def _put_on_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "rollcall"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def connect(homes: Path, sandbox: Sandbox) -> None:
    """A home for each way in which a run can end; the last run waits while its lock is held."""
    settings = sandbox_settings(sandbox)
    for name in ("verified", "partial", "failed", "busy"):
        (homes / name).mkdir()
        if name != "failed":
            Home(homes / name).connect("belltastic", **settings["belltastic"])
    refused = Home(homes / "partial")
    refused.connect("matter", **settings["matter"] | {"access_token": "a-token-that-is-refused"})
    (homes / "busy" / ".rollcall").mkdir()


def test_the_versions_tested_with_are_named() -> None:
    row = next(
        line for line in (ROOT / "docs" / "nightly.md").read_text().splitlines() if "tested with" in line
    )
    cells = [cell.strip().replace("`", "").replace(", with ", " ") for cell in row.strip("| ").split("|")[1:]]
    assert cells == [" ".join(packages).partition("==")[2] for packages in PACKAGES.values()]


@pytest.mark.skipif(
    "ORCHESTRATORS" not in os.environ, reason="make test-orchestrators runs the orchestrators"
)
@pytest.mark.parametrize("orchestrator", PACKAGES)
def test_the_example_runs_in_the_orchestrator(orchestrator: str, tmp_path: Path) -> None:
    command = [os.environ["UV"], "run", "--quiet", "--no-project", "--python", sys.executable]
    for package in PACKAGES[orchestrator]:
        command += ["--with", package]
    driver = Path(__file__).with_name(f"drive_{orchestrator}.py")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(EXAMPLES),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(tmp_path),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    homes = tmp_path / "homes"
    homes.mkdir()
    with Sandbox(projects=5, files=5) as sandbox:
        connect(homes, sandbox)
        with (homes / "busy" / ".rollcall" / "warehouse.duckdb.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ended = subprocess.run(
                [*command, "python", str(driver), str(tmp_path / "ended.json")]
                + [str(homes / name) for name in ENDED[orchestrator]],
                env=environment,
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=600,
                check=False,
            )
    assert ended.returncode == 0, ended.stdout
    assert json.loads((tmp_path / "ended.json").read_text()) == ENDED[orchestrator], ended.stdout
    assert WARNED in ended.stdout
    exported = sorted(path.parents[2].name for path in homes.glob("*/exports/latest/projects.csv"))
    assert exported == ["partial", "verified"]
