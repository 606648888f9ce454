"""A PostgreSQL server for the catalogs, and homes whose warehouse is a lakehouse."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from tests.lake.home import LakeHome
from tests.lake.postgres import Postgres, programs


@pytest.fixture(scope="session", autouse=True)
def _extensions() -> None:
    """Skip the tests on another DuckDB than the one that the wheels of the extensions are for."""
    if version("duckdb-extension-ducklake") != duckdb.__version__:
        pytest.skip(f"the extension ducklake cannot be had for DuckDB {duckdb.__version__}")


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
