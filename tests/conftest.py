"""A home, the five simulated providers and a scripted server, for tests that execute runs."""

import os
import secrets
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.campaigns.play import land_directly
from tests.support import canaries
from tests.support.home import Home
from tests.support.light import light
from tests.support.loopback import Loopback
from tests.support.postgres import Postgres, programs


def pytest_configure() -> None:
    """Let an interruption end what tests start, though a shell that runs them behind ignores it.

    Only processes with a token may use the tests' cluster of Ray, which reads it when a test file imports it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


# Test files that share servers of PostgreSQL and S3, which are slow to start.
TOGETHER = ("tests/lake/", "tests/publish/", "tests/docs/test_publishing.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Assign each file to one worker, and all files of `TOGETHER` to the same one."""
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "servers" if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)

    return ByServer(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that printed or logged a secret of a run."""
    report = yield
    printed = "\n".join(text for _, text in report.sections)
    if printed and any(spelling in printed for spelling in canaries.known):
        report.outcome, report.longrepr = "failed", "a secret was printed or logged"
    return report


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the process, on a free loopback port."""
    with Postgres.started(programs()) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """The URL of a PostgreSQL database, as its owner."""
    return postgres.create_url()


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server


@pytest.fixture
def without_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs land without dlt, which takes a third of a small run, in a test that does not need it."""
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)


@pytest.fixture(name="light")
def light_runs() -> Iterator[None]:
    """Let runs publish few tables, and land without dlt, in a test of files and not of their content."""
    with light():
        yield
