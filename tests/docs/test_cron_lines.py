"""The lines for cron in the docs run as cron runs them: with a short PATH, in another directory."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.sandbox import Sandbox
from tests.home import Home, sandbox_settings

from .pages import page

BARE = {"PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LANG": "C"}


@pytest.mark.parametrize(
    ("name", "made"), [("exporting.md", "exports/latest/projects.csv"), ("report.md", "projects.html")]
)
def test_a_cron_line_of_the_docs_runs(name: str, made: str, tmp_path: Path) -> None:
    (command,) = re.findall(r"^30 4 \* \* \* (.*)$", page(name), re.MULTILINE)
    program = Path(sys.executable).parent / "rollcall"
    for shown, real in (("/opt/rollcall/.venv/bin/rollcall", program), ("/srv/rollcall", tmp_path)):
        assert shown in command
        command = command.replace(shown, str(real))
    command = command.replace("/srv/www", str(tmp_path))
    with Sandbox(seed=5, projects=3, files=3) as sandbox:
        Home(tmp_path).connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd="/", env=BARE, capture_output=True, text=True, check=False
        )
    assert (done.returncode, (tmp_path / made).is_file()) == (0, True), done.stderr
