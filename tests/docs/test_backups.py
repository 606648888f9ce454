"""The commands of the page on backups run, in order, in a shell; its line for cron too."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.config.tables import PREVIOUS_KEPT

from .pages import commands, page

PAGE = page("backups.md")
PROGRAM = Path(sys.executable).parent / "rollcall"


@pytest.fixture
def home(demo_by_day: Path, tmp_path: Path) -> Path:
    """A copy of the demo, for one test."""
    return Path(shutil.copytree(demo_by_day, tmp_path / "home"))


def test_the_commands_run_in_order(home: Path) -> None:
    environment = os.environ | {"PATH": f"{PROGRAM.parent}:/usr/bin:/bin"}
    lines = commands(PAGE)
    assert len(lines) >= 10
    printed = {}
    for line in lines:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        printed[line] = done.stdout
    assert [line.partition("  ")[0] for line in printed["rollcall restore --list"].splitlines()] == [
        "warehouse.previous.duckdb",
        "warehouse.previous-2.duckdb",
    ]
    assert printed["rollcall restore"].startswith("warehouse.duckdb is now the run of 2026-11-02 02:00")
    (drilled,) = [text for line, text in printed.items() if "count(*) as runs" in line]
    assert drilled.splitlines()[1].split() == ["2026-11-03T02:00:00Z", "3"]
    assert {path.name for path in (home / "backups").iterdir()} == {".rollcall", "20261103T020000Z"}
    assert "`backups/20261103T020000Z`" in PAGE


def test_the_line_for_cron_runs(home: Path, tmp_path: Path) -> None:
    (command,) = re.findall(r"^30 5 \* \* \* (.*)$", PAGE, re.MULTILINE)
    for shown, real in (
        ("/opt/rollcall/.venv/bin/rollcall", PROGRAM),
        ("/srv/rollcall", home),
        ("/srv/backup", tmp_path / "backup"),
    ):
        assert shown in command
        command = command.replace(shown, str(real))
    bare = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LANG": "C"}
    done = subprocess.run(["/bin/sh", "-c", command], cwd="/", env=bare, check=False)
    assert (done.returncode, (tmp_path / "backup" / "rollcall" / "20261103T020000Z").is_dir()) == (0, True)


def test_the_pages_state_the_number_of_earlier_runs_that_is_kept() -> None:
    assert (PREVIOUS_KEPT, "Three earlier runs stay next to the warehouse:" in PAGE) == (3, True)
