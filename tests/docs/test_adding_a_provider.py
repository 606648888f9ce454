"""The walk-through of a sixth provider: its files are installed, its commands run, its output is as shown."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.docs.pages import ROOT, commands, files, page, shown, unpadded
from tests.support.loopback import Answer, Asked, Loopback

PAGE = page("adding-a-provider.md")
FILES = files(PAGE)
OWN = ("providers/acme.py", "sql/staging/stg_acme__projects.sql", "status_mapping.csv")
ANSWER = json.loads(FILES["tests/providers/recorded/acme/answer.json"])
TOKEN = "acme-token-of-a-test"


class Acme:
    """The vendor as the page describes it, with the projects that it has now."""

    def __init__(self) -> None:
        self.projects = list(ANSWER["projects"])

    def answer(self, asked: Asked) -> Answer:
        """The requested page."""
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Answer({"error": {"code": "token_unknown", "message": "Who are you?"}}, 401)
        assert (asked.method, asked.path) == ("GET", "projects")
        number, size = int(asked.query["page"]), int(asked.query["per_page"])
        listed = self.projects[(number - 1) * size : number * size]
        return Answer({"projects": listed, "total": len(self.projects)})


def write(root: Path, paths: dict[str, str]) -> None:
    for path, text in paths.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.mark.usefixtures("without_dlt")
def test_the_commands_run_and_print_what_the_page_shows(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = Acme()
    monkeypatch.setenv("SOURCES__ACME__BASE_URL", loopback.serve("acme", acme.answer))
    monkeypatch.setenv("SOURCES__ACME__TOKEN", TOKEN)
    monkeypatch.setenv("SOURCES__ACME__PAGE_SIZE", "1")
    write(tmp_path, {path: FILES[path] for path in OWN})

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["--home", str(tmp_path), *arguments])
        assert result.exit_code == 0, (arguments, result.stdout, result.stderr)
        return unpadded(result.stdout + result.stderr)

    for line in commands(PAGE):
        if line.startswith("rollcall "):
            run(*shlex.split(line)[1:])
    assert "[sources.acme]" in (tmp_path / ".dlt" / "config.toml").read_text()
    (first, seen), (then, changed) = shown(PAGE)
    assert run(*first) == seen
    acme.projects = [acme.projects[0] | {"state": "paused"}]
    run("sync")
    assert run(*then) == changed


def test_the_files_make_it_a_part_of_rollcall(tmp_path: Path) -> None:
    for folder in ("pipelines", "sql", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module, model, mapping = OWN
    write(tmp_path, {f"pipelines/{module}": FILES[module], model: FILES[model]})
    write(tmp_path, {path: text for path, text in FILES.items() if path.startswith("tests/")})
    with (tmp_path / "sql" / "seeds" / "status_mapping.csv").open("a") as seeds:
        seeds.write(FILES[mapping].partition("\n")[2])
    (command,) = (line for line in commands(PAGE) if line.startswith("pytest "))
    python = (sys.executable, "-B", "-m")
    checks = (
        (*python, *shlex.split(command), "-n", "0", "-p", "no:cacheprovider"),
        (*python, "ruff", "format", "--check", "--no-cache", f"pipelines/{module}"),
        (*python, "ruff", "check", "--no-cache", f"pipelines/{module}"),
    )
    for check in checks:
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        ended = subprocess.run(
            check, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert check[3] != "pytest" or "3 passed" in ended.stdout
