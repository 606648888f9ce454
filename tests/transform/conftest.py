"""A raw warehouse per test, or one for a whole module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.transform.raw import Raw


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Raw]:
    """An empty warehouse for one test."""
    found = Raw(tmp_path)
    yield found
    found.db.close()


@pytest.fixture(scope="module")
def shared_raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raw]:
    """An empty warehouse for a module to fill and build once."""
    found = Raw(tmp_path_factory.mktemp("home"))
    yield found
    found.db.close()
