"""The workflow that releases: what it may do, and what it runs."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.packaging.tree import ROOT

RELEASE = ROOT / ".github" / "workflows" / "release.yml"
TEMPLATE = ROOT / "pipelines" / "commands" / "schedule" / "templates" / "github.yml"
ACTION = re.compile(r"\b([\w-]+/[\w-]+)(?:/\w+)?@([0-9a-f]{40}) # (v[\d.]+)")


def test_a_linter_finds_nothing_in_the_release() -> None:
    zizmor = Path(sys.executable).parent / "zizmor"
    checked = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona", "pedantic", RELEASE],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_only_the_job_that_publishes_may_do_so() -> None:
    workflow = yaml.safe_load(RELEASE.read_text())
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "build": {"contents": "read"},
        "macos": {"contents": "read"},
        "publish": {"id-token": "write", "attestations": "write", "contents": "write"},
    }
    assert workflow["jobs"]["publish"]["environment"] == "pypi"
    assert "secrets." not in RELEASE.read_text()


def test_the_targets_of_the_workflow_are_in_the_makefile() -> None:
    jobs = yaml.safe_load(RELEASE.read_text())["jobs"].values()
    runs = [step.get("run", "") for job in jobs for step in job["steps"]]
    made = {run.removeprefix("make ") for run in runs if run.startswith("make ")}
    assert made == {"check-release", "dist", "test"}
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert made <= targets


def test_windows_is_refused_in_one_line_that_names_what_works() -> None:
    code = "import sys; sys.platform = 'win32'; import pipelines.cli"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "rollcall: Windows is not supported. Use it in WSL, or in Docker\n"
    assert "On Windows, use WSL or Docker" in (ROOT / "README.md").read_text()


def test_an_action_is_the_same_commit_wherever_it_is_used() -> None:
    used = ACTION.findall(f"{RELEASE.read_text()}\n{TEMPLATE.read_text()}")
    assert len(used) >= 9
    assert len({action for action, _commit, _version in used}) == len(set(used))
