"""Homes whose warehouse is a lakehouse."""

from importlib.metadata import version
from pathlib import Path

import duckdb
import pytest

from tests.lake.home import LakeHome
from tests.support.postgres import Postgres


@pytest.fixture(scope="session", autouse=True)
def _extensions() -> None:
    """Skip the tests on another DuckDB than the one that the wheels of the extensions are for."""
    if version("duckdb-extension-ducklake") != duckdb.__version__:
        pytest.skip(f"the extension ducklake cannot be had for DuckDB {duckdb.__version__}")


@pytest.fixture
def catalog(postgres: Postgres) -> str:
    """The connection string of a database for one test."""
    return postgres.create_database()


@pytest.fixture
def lake_home(tmp_path: Path, catalog: str) -> LakeHome:
    """A home with its own lakehouse: a PostgreSQL catalog, and data in a directory."""
    home = tmp_path / "lake"
    home.mkdir()
    return LakeHome(home, f"postgres:{catalog}", str(tmp_path / "data"))
