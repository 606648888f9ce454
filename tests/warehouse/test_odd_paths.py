"""A home and a warehouse may have almost any name; the others are refused in one line."""

import json
import os
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.home import Home
from tests.support.loopback import Loopback

from .conftest import list_project

ODD = (
    ' #a;b&c|d$e`f 名前 ünï [a] * and {b} it\'s "two\nlines"',
    ":memory:",
    pytest.param(
        "back\\slash and another\\",
        marks=pytest.mark.skipif(duckdb.__version__ >= "2", reason="DuckDB 2 reads a backslash as a slash"),
    ),
)
VERBS = (
    ("doctor",),
    ("status",),
    ("history", "belltastic:1"),
    ("why", "belltastic:1"),
    ("changes",),
    ("export",),
    ("export", "--all"),
    ("report",),
)


def odd_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Home:
    """A home and a warehouse with that name."""
    home = Home(tmp_path / name)
    home.path.mkdir()
    monkeypatch.setenv("WAREHOUSE__PATH", str(home.path / name / f"{name}.duckdb"))
    return home


def rollcall(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.path), *arguments])


@pytest.mark.parametrize("name", ODD)
def test_a_home_and_a_warehouse_may_have_an_odd_name(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = odd_home(tmp_path, monkeypatch, name)
    for project in ("First", "Second"):
        list_project(home, loopback, project)
        run = rollcall(home, "sync", "--quiet")
        assert (run.exit_code, run.output) == (0, ""), run.output
    for verb in VERBS:
        done = rollcall(home, *verb)
        assert done.exit_code == 0, (verb, done.output)
    answer = home.path / f"{name}.json"
    done = rollcall(home, "query", "select name from projects", "--output", str(answer))
    assert done.exit_code == 0, done.output
    assert json.loads(answer.read_text()) == [{"name": "Second"}]
    assert rollcall(home, "restore").exit_code == 0
    assert '"First"' in rollcall(home, "query", "select name from projects", "--json").stdout
    assert rollcall(home, "forget", "belltastic:1", "--yes").exit_code == 0


@pytest.mark.parametrize("name", ["50% done", "why?"])
def test_a_path_that_dlt_or_duckdb_misreads_is_refused(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    home = odd_home(tmp_path, monkeypatch, name)
    list_project(home, loopback, "First")
    for verb in ("sync", "restore"):
        refused = rollcall(home, verb)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert refused.stderr.startswith("rollcall: the path of ")
        assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", [("sync",), ("query", "from projects"), ("status",)], ids=" ".join)
def test_a_path_that_is_not_utf8_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    monkeypatch.setenv("WAREHOUSE__PATH", os.fsdecode(b"caf\xe9.duckdb"))
    refused = CliRunner().invoke(main, ["--home", str(tmp_path), *verb])
    assert refused.exit_code == 2
    assert refused.stderr.startswith("rollcall: path of [warehouse] is not UTF-8: b'")
    assert refused.stderr.endswith("caf\\xe9.duckdb'. Give it another name\n")
