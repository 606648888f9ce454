"""The lines for cron in the docs are those that `rollcall schedule` prints, and run as cron runs them."""

import re
import subprocess
import sys
from datetime import time
from pathlib import Path

import pytest

from pipelines.commands.schedule import ScheduledRun, schedule
from pipelines.sandbox import Sandbox
from tests.support.home import Home, sandbox_settings

from .pages import page

BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LANG": "C"}
PROGRAM = Path(sys.executable).parent / "rollcall"


@pytest.mark.parametrize(
    ("name", "option", "made"),
    [
        ("exporting.md", "--export", "exports/latest/projects.csv"),
        ("report.md", "--report", "exports/report.html"),
    ],
)
def test_a_cron_line_of_the_docs_is_the_schedule_and_runs(
    name: str, option: str, made: str, tmp_path: Path
) -> None:
    (shown,) = re.findall(r"^30 4 \* \* \* .*$", page(name), re.MULTILINE)
    line = shown.replace("/opt/rollcall/.venv/bin/rollcall", str(PROGRAM)).replace(
        "/srv/rollcall", str(tmp_path)
    )
    crontab = schedule(ScheduledRun(tmp_path, time(4, 30), afterwards=(option,)), "cron").files["crontab"]
    assert line in crontab.splitlines()
    command = line.removeprefix("30 4 * * * ").replace(r"\%", "%")
    with Sandbox(seed=5, projects=3, files=3) as sandbox:
        Home(tmp_path).connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd="/", env=BARE, capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / made).is_file()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", (tmp_path / "logs" / "cron.log").read_text())
