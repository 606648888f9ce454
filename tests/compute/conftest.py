"""One cluster of Ray for the session, one PostgreSQL server for the catalogs, and homes that use both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compute import cluster
from tests.lake.conftest import catalog, lake_home
from tests.lake.home import LakeHome

__all__ = ["catalog", "lake_home"]


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[tuple[str, Path]]:
    """The address of a cluster with two workers, and the directory of its logs."""
    with cluster.started() as started:
        yield started


@pytest.fixture
def ray_home(lake_home: LakeHome, ray_cluster: tuple[str, Path]) -> LakeHome:
    """A home whose runs are divided among the workers of the cluster, in units of ten records."""
    lake_home.divide(engine="ray", address=ray_cluster[0], unit_records=10)
    return lake_home
