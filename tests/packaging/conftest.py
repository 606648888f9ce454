"""What the tests of the packages share."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture
def private_umask() -> Iterator[None]:
    """A umask other than the one that the tests run with."""
    before = os.umask(0o077)
    yield
    os.umask(before)
