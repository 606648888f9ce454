"""The README shows what the commands print."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.commands.demo import Demo
from pipelines.config.tables import COMMON, EXPORTS, WAREHOUSE
from pipelines.extract.provider import find_providers
from pipelines.transform.data_dictionary import data_dictionary

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def run(home: Path, *arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--home", str(home), *arguments], input=text)


def unpadded(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.fixture(scope="module")
def played(demo_played: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the directory that a demo has left behind, and what it printed."""
    home = tmp_path_factory.mktemp("demo")
    shutil.copytree(demo_played, home, dirs_exist_ok=True)
    return home / "demo", unpadded((home / "printed.txt").read_text())


def test_the_demo_prints_what_the_readme_shows(played: tuple[Path, str]) -> None:
    (shown,) = re.findall(r"```\n(What changed.*?)\n```", README, re.DOTALL)
    assert shown in played[1]


def shell(command: str, folder: Path) -> str:
    """What a command prints if PATH has no rollcall."""
    environment = os.environ | {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_query_of_the_readme_answers_as_shown_after_make_demo(played: tuple[Path, str]) -> None:
    ((command, answer),) = re.findall(r"```\n\$ (.*?)\n(.*?)\n```", README, re.DOTALL)
    (played[0].parent / ".venv").symlink_to(Path(sys.executable).parents[1])
    assert unpadded(shell(command, played[0].parent)).strip() == answer


def test_the_commands_that_the_demo_prints_run(
    played: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).parent / "rollcall"), "demo"])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for command in Demo(played[0], (), (), (), 0).commands:
        assert shell(command, played[0])


def test_the_demo_leaves_a_warehouse_and_exports(played: tuple[Path, str]) -> None:
    with duckdb.connect(str(played[0] / "warehouse.duckdb"), read_only=True) as warehouse:
        runs = warehouse.execute("select outcome from runs order by started_at").fetchall()
        days_between = warehouse.execute(
            "select round(epoch(started_at - lag(started_at) over (order by started_at)) / 86400) from runs"
            " order by started_at"
        ).fetchall()
        lasted_a_day = warehouse.execute(
            "from runs where finished_at < started_at or finished_at > started_at + interval 1 day"
        ).fetchall()
        changes = warehouse.execute(
            "select change, count(distinct project_key) from project_changes "
            "where changed_at > (select min(started_at) from runs) group by change order by change"
        ).fetchall()
        keys = warehouse.execute("select project_key from projects order by project_key").fetchall()
    assert runs == [("complete",)] * 3
    assert (days_between, lasted_a_day) == ([(None,), (1.0,), (1.0,)], [])
    assert changes == [("changed", 3), ("created", 3), ("removed", 3), ("returned", 1)]
    with (played[0] / "exports" / "projects.csv").open(newline="") as file:
        assert [(row["project_key"],) for row in csv.DictReader(file)] == keys


def test_the_demo_can_be_repeated_but_refuses_other_directories(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("mine")
    result = run(tmp_path, "demo")
    assert (result.exit_code, (tmp_path / "demo" / "thesis.txt").read_text()) == (2, "mine")
    assert "contains other files" in result.stderr


def reading_commands() -> list[str]:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    lines = (line.split("  #")[0].strip() for line in blocks.splitlines())
    return [line for line in lines if re.search(r"rollcall (query|export|changes|history)", line)]


@pytest.mark.parametrize("line", reading_commands())
def test_the_commands_of_the_readme_run(line: str, played: tuple[Path, str], tmp_path: Path) -> None:
    if "--live" in line:
        line = line.replace(" --live", "")  # the demo's providers are gone by then
    echoed = re.match(r'echo "(.*)" \| ', line)
    command = shlex.split(line.rpartition("| ")[2])[1:]
    command = [str(tmp_path / word) if word.endswith(".csv") else word for word in command]
    result = run(played[0], *command, text=echoed[1] if echoed else None)
    assert (result.exit_code, result.stdout != "" or "--output" in command) == (0, True), result.stderr


def test_every_setting_is_in_the_readme_and_in_the_configuration_to_copy() -> None:
    config = (ROOT / ".dlt" / "config.toml").read_text()
    secrets = tomllib.loads((ROOT / ".dlt" / "secrets.toml.example").read_text())["sources"]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.MULTILINE))
    for name, provider in find_providers(ROOT).items():
        assert f"[sources.{name}]" in config
        for setting in provider.settings:
            assert f"`{setting.name}`" in rows[name], (name, setting.name)
            assert (setting.name in secrets[name]) == setting.secret
    for setting in COMMON:
        assert f"`{setting.name}`" in README, setting.name


def test_the_numbers_in_the_configuration_to_copy_are_the_defaults() -> None:
    config = (ROOT / ".dlt" / "config.toml").read_text()
    settings = [*COMMON, *WAREHOUSE, *EXPORTS]
    settings += [setting for provider in find_providers(ROOT).values() for setting in provider.settings]
    defaults = {
        (setting.name, float(str(setting.default)))
        for setting in settings
        if setting.default is not None and setting.type in {"integer", "number"}
    }
    shown = {
        (name, float(number)) for name, number in re.findall(r"^# (\w+) = ([\d.]+)\b", config, re.MULTILINE)
    }
    assert shown
    assert shown - defaults == set()


def test_every_published_table_is_in_the_readme(played: tuple[Path, str]) -> None:
    with duckdb.connect(str(played[0] / "warehouse.duckdb"), read_only=True) as warehouse:
        tables = warehouse.execute(
            "select table_name from duckdb_tables() where schema_name = 'main'"
        ).fetchall()
    assert [table for (table,) in tables if f"`{table}`" not in README] == []


def test_the_data_dictionary_matches_the_models(tmp_path: Path) -> None:
    assert (ROOT / "docs" / "data-dictionary.md").read_text() == data_dictionary(tmp_path) + "\n"
