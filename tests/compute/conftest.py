"""A cluster of each engine, one PostgreSQL server for the catalogs, and homes that use both."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.config.compute import ENGINES
from tests.compute import ray_cluster, spark_cluster
from tests.lake.conftest import _extensions, catalog, lake_home
from tests.lake.home import LakeHome

__all__ = ["_extensions", "catalog", "lake_home"]


# Spark leaves sockets of loopback to the garbage collector.
LEAVES_SOCKETS = pytest.mark.filterwarnings(
    "ignore:unclosed <socket:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(
    scope="session",
    params=[pytest.param(one, marks=LEAVES_SOCKETS if one == "spark" else ()) for one in ENGINES],
)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine that is installed."""
    if request.param == "spark":
        spark_cluster.need_spark()
    return str(request.param)


@pytest.fixture(scope="session")
def cluster(engine: str) -> Iterator[tuple[str, Path]]:
    """The address of a cluster with two workers, and the directory of its logs and temporary files."""
    started = {"ray": ray_cluster.started, "spark": spark_cluster.started}[engine]
    with started() as found:
        yield found


@pytest.fixture
def divided_home(lake_home: LakeHome, engine: str, cluster: tuple[str, Path]) -> LakeHome:
    """A home whose runs are divided among the workers of the cluster, in units of ten records."""
    lake_home.divide(engine=engine, address=cluster[0], unit_records=10)
    return lake_home


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A directory with a short path, as the usual ones have."""
    with tempfile.TemporaryDirectory(prefix="rc-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
