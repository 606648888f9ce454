"""A home, the five stand-in providers and a scripted server, for tests that do runs."""

import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests import canaries
from tests.home import Home
from tests.loopback import Loopback


def pytest_configure() -> None:
    """Let an interruption end what tests start, though a shell that runs them behind ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that printed or logged a secret of a run."""
    report = yield
    printed = "\n".join(text for _, text in report.sections)
    if printed and any(spelling in printed for spelling in canaries.told):
        report.outcome, report.longrepr = "failed", "a secret was printed or logged"
    return report


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server
