"""The notebook: its questions have answers, and marimo runs it as a script and as a page."""

import ast
import os
import subprocess
import sys
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.docs.pages import ROOT
from tests.support.home import FIRST_RUN

NOTEBOOK = ROOT / "notebooks" / "projects.py"
GIVEN = {
    "since": FIRST_RUN + timedelta(days=2),
    "key": "rillsoft:11:2",
    "moment": FIRST_RUN + timedelta(days=1),
}
needs_marimo = pytest.mark.skipif(find_spec("marimo") is None, reason="without marimo: make test-notebook")


def questions() -> dict[str, tuple[str, list[str]]]:
    """The SQL of each `name = ask(sql, parameter=...)`, by name, with its parameters."""
    found = {}
    for node in ast.walk(ast.parse(NOTEBOOK.read_text())):
        if isinstance(node, ast.Assign):
            for call in (part for part in ast.walk(node.value) if isinstance(part, ast.Call)):
                if ast.unparse(call.func) == "ask":
                    sql, names = ast.literal_eval(call.args[0]), [given.arg for given in call.keywords]
                    found[ast.unparse(node.targets[0])] = (sql, names)
    return found


def test_the_questions_of_the_notebook_have_answers(demo_by_day: Path) -> None:
    with duckdb.connect(demo_by_day / "warehouse.duckdb", read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        answers = {
            name: warehouse.execute(sql, {given: GIVEN[given] for given in parameters}).fetchall()
            for name, (sql, parameters) in questions().items()
        }
    names = ("runs", "by_status", "fresh", "changes", "versions")
    assert [len(answers[name]) for name in names] == [3, 5, 5, 8, 2]
    assert answers["open_projects"][-1] == (date(2026, 11, 3), "rillsoft", 29)
    assert answers["came_and_went"][-2:] == [
        (date(2026, 11, 3), "came", 3),
        (date(2026, 11, 3), "went", -1),
    ]
    assert answers["known"][0] == ("belltastic:5", "Harbour Dental Extension", 3)
    assert sum(projects for _, _, projects in answers["then"]) == 202
    assert len(answers) == 9


def test_the_notebook_command_writes_the_notebook(tmp_path: Path) -> None:
    file = tmp_path / "projects.py"
    written = CliRunner().invoke(main, ["--home", str(tmp_path), "notebook"])
    assert written.stdout == f"wrote {file}; open it with: marimo edit {file}\n"
    assert file.read_bytes() == NOTEBOOK.read_bytes()
    again = CliRunner().invoke(main, ["--home", str(tmp_path), "notebook"])
    assert (again.exit_code, again.stderr) == (2, f"rollcall: {file} exists already. Name another file\n")


@needs_marimo
def test_the_notebook_runs_as_a_script(demo_by_day: Path) -> None:
    ran(demo_by_day, sys.executable, str(NOTEBOOK))


@needs_marimo
def test_the_notebook_becomes_a_page(demo_by_day: Path, tmp_path: Path) -> None:
    notebook, page = tmp_path / "projects.py", tmp_path / "projects.html"
    notebook.write_text(NOTEBOOK.read_text())  # marimo leaves a folder next to it
    ran(demo_by_day, sys.executable, "-m", "marimo", "export", "html", str(notebook), "-o", str(page))
    text = page.read_text()
    for shown in ("3 runs, the last one on 2026-11-03 02:00 UTC", "fone_dynamics",
                  "Harbour Dental Extension (belltastic:5)", "As of 2026-11-03 02:00:00 UTC"):  # fmt: skip
        assert shown in text
    assert "Traceback" not in text


def ran(home: Path, *command: str) -> None:
    environment = os.environ | {"ROLLCALL_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
