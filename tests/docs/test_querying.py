"""The pages on querying and on the history show what the commands print."""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.docs.pages import commands, page, shown, unpadded

PAGES = ("querying.md", "history.md")
SHOWN = [(name, *example) for name in PAGES for example in shown(page(name))]
RUN = [(name, line) for name in PAGES for line in commands(page(name)) if "rollcall " in line]
PYTHON = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", page("querying.md"), re.DOTALL)
SHELL = re.findall(r"```\n\$ duckdb (.*?)\n(.*?)```", page("querying.md"), re.DOTALL)


@pytest.fixture
def here(demo_by_day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the demo, as the current directory."""
    home = tmp_path / "demo"
    shutil.copytree(demo_by_day, home)
    monkeypatch.chdir(home)
    for name, text in re.findall(r"`(\w+\.sql)`:\n\n```sql\n(.*?)```", page("querying.md"), re.DOTALL):
        (home / name).write_text(text)
    return home


def test_the_page_has_examples_to_run() -> None:
    assert len(SHOWN) > 15
    assert len(RUN) > 8
    assert (len(PYTHON), len(SHELL)) == (1, 1)


@pytest.mark.parametrize(("name", "arguments", "printed"), SHOWN)
def test_commands_answer_as_shown(here: Path, name: str, arguments: list[str], printed: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, unpadded(result.output)) == (0, printed)


@pytest.mark.parametrize(("name", "line"), RUN)
def test_commands_shown_without_their_output_run(here: Path, name: str, line: str) -> None:
    fed, _, line = line.rpartition(" | ")
    command, file = re.fullmatch(r"(.*?)(?: > [\w.]+| < ([\w.]+))?", line).groups()
    text = Path(file).read_text() if file else re.sub(r'^echo "(.*)"$', r"\1", fed)
    result = CliRunner().invoke(main, shlex.split(command)[1:], input=text)
    assert (result.exit_code, result.output != "") == (0, True), result.output


def test_the_python_example_prints_what_the_page_shows(here: Path) -> None:
    for code, printed in PYTHON:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(code, {})
        assert output.getvalue() == printed


@pytest.mark.skipif(shutil.which("duckdb") is None, reason="DuckDB's shell is not installed")
def test_the_commands_of_duckdbs_shell_answer_as_shown(here: Path) -> None:
    for arguments, printed in SHELL:
        done = subprocess.run(
            ["duckdb", *shlex.split(arguments)], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.stderr, done.stdout) == ("", printed)
