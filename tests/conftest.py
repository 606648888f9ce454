"""A home, the five stand-in providers and a scripted server, for tests that run nights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.home import Home
from tests.loopback import Loopback


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback() as server:
        yield server
