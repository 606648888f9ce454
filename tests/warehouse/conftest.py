"""A home after two runs of one project: First, and then Second."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.forked import Forked
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback
from tests.support.made_once import made_once

NAME = "select name from projects"
WRITER = """
import os, sys, duckdb
warehouse = duckdb.connect(sys.argv[1])
warehouse.execute("update projects_history set name = 'Scribbled'")
os._exit(0)
"""
SCRIBBLER = [sys.executable, "-c", WRITER]
"""Writes to the warehouse given as an argument, and leaves the write-ahead log next to it."""


def list_project(home: Home, loopback: Loopback, name: str) -> None:
    """Let the provider list its only project under this name."""
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": name}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")


@pytest.fixture(scope="session")
def loopback() -> Iterator[Loopback]:
    """One server for all of these tests, because the copied homes send requests to it."""
    with Loopback() as server:
        yield server


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Path:
    def run_twice(place: Path) -> None:
        home = Home(place)
        for name in ("First", "Second"):
            list_project(home, loopback, name)
            home.run()

    return made_once(tmp_path_factory, "two_runs", run_twice)


@pytest.fixture
def home(two_runs: Path, tmp_path: Path, loopback: Loopback) -> Home:
    shutil.copytree(two_runs, tmp_path / "home")
    home = Home(tmp_path / "home")
    home.runs = 2
    list_project(home, loopback, "Second")
    return home


def rollcall(home: Home, *args: str) -> Result:
    """The command line over a home."""
    return CliRunner().invoke(main, ["--home", str(home.path), *args])


@pytest.fixture(scope="session")
def forked() -> Iterator[Forked]:
    with Forked() as forked:
        yield forked
