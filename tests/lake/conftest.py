"""A PostgreSQL server for the catalogs, and homes whose warehouse is a lakehouse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lake.home import LakeHome
from tests.lake.postgres import Postgres, programs


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the process, on a free loopback port. PostgreSQL does not run as root."""
    if (found := programs()) is None:
        pytest.skip("PostgreSQL is not installed")
    with Postgres.started(found) as server:
        yield server


@pytest.fixture
def catalog(postgres: Postgres) -> str:
    """The connection string of a database of the test's own."""
    return postgres.create_database()


@pytest.fixture
def lake_home(tmp_path: Path, catalog: str) -> LakeHome:
    """A home with a lakehouse of its own: a PostgreSQL catalog, and data in a directory."""
    home = tmp_path / "lake"
    home.mkdir()
    return LakeHome(home, f"postgres:{catalog}", str(tmp_path / "data"))
