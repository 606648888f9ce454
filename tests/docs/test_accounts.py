"""The commands of the page on accounts run, except those that contact a provider."""

import shlex
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipelines.cli import main

from .pages import commands, page

ASKS_PROVIDERS = {"doctor", "sync"}


def test_the_commands_run_in_order(
    demo_by_day: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(shutil.copytree(demo_by_day, tmp_path / "home"))
    monkeypatch.chdir(home)
    ran = []
    for line in commands(page("accounts.md")):
        verb, *arguments = shlex.split(line.removeprefix("rollcall "))
        if verb in ASKS_PROVIDERS:
            context = click.Context(main, info_name=str(home))
            context.meta["pipelines.cli.options.home"] = home
            main.commands[verb].make_context(verb, arguments, parent=context).close()
            continue
        done = CliRunner().invoke(main, [verb, *arguments])
        assert done.exit_code == 0, (line, done.output)
        ran.append(verb)
    assert ran == ["init", "retire", "rename", "restore"]
