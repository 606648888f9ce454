"""Wrong settings of [compute] end a run with one line, before it sends any request."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.commands.doctor import doctor
from pipelines.config.compute import compute_settings
from tests.lake.home import LakeHome
from tests.support.home import Home


def refused(home: Home) -> str:
    """The message of a run that exits with 2."""
    home.connect("belltastic", api_token="never-sent", base_url="http://127.0.0.1:9")
    result = CliRunner().invoke(main, ["--home", str(home.path), "sync"])
    assert (result.exit_code, result.stdout) == (2, "")
    return result.stderr.removeprefix("rollcall: ").strip()


@pytest.fixture
def lake(tmp_path: Path) -> LakeHome:
    """A home whose catalog is in a file."""
    return LakeHome(tmp_path, str(tmp_path / "catalog.ducklake"), str(tmp_path / "data"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"engine": "dask"},
            "engine of [compute] is 'dask'. Set it to one of ray, spark",
        ),
        (
            {"engine": "ray", "address": "spark://host:7077"},
            "address of [compute] is 'spark://host:7077'. Ray takes ray://HOST:10001 or HOST:6379; without "
            "an address, the run starts its own workers",
        ),
        (
            {"engine": "spark", "address": "host:7077"},
            "address of [compute] is 'host:7077'. Spark takes spark://HOST:7077, yarn, k8s://HOST:PORT, "
            "local[N] or local-cluster[N,CORES,MB]; without an address, the run starts its own workers",
        ),
        (
            {"engine": "spark", "address": "yarn"},
            "[compute] has an address, and catalog of [warehouse] is a file. Workers on other machines need "
            "a catalog in PostgreSQL",
        ),
        (
            {"engine": "ray", "address": "ray://host:10001"},
            "[compute] has an address, and catalog of [warehouse] is a file. Workers on other machines need "
            "a catalog in PostgreSQL",
        ),
        (
            {"engine": "ray", "unit_records": 0},
            "unit_records of [compute] is 0. Set it to 1 or more",
        ),
        (
            {"engine": "ray", "memory_mb": "much"},
            "memory_mb of [compute] should be an integer, not 'much'. Write it as memory_mb = 600",
        ),
    ],
)
def test_wrong_settings_are_refused(lake: LakeHome, settings: dict[str, object], message: str) -> None:
    lake.divide(**settings)
    assert refused(lake) == message


def compute_check(home: Home) -> tuple[str, str, tuple[str, ...]]:
    """The check of [compute] in `rollcall doctor`."""
    (found,) = (check for check in doctor(home.path).checks if check.name == "compute")
    return found.outcome, found.message, found.remedies


def test_doctor_checks_that_the_engine_is_installed(lake: LakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.divide(engine="ray", workers=3)
    assert compute_check(lake) == ("ok", "ray is installed; a run starts 3 workers", ())
    monkeypatch.delitem(sys.modules, "pipelines.compute.on_ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    remedy = "run: pip install 'ray[client]>=2.50'"
    assert compute_check(lake) == ("failed", "ray is not installed", (remedy,))
    monkeypatch.setenv("COMPUTE__WORKERS", "0")
    assert compute_check(lake) == ("failed", "workers of [compute] is 0", ("set it to 1 or more",))


def test_a_file_is_not_divided_among_workers(home: Home) -> None:
    (home.path / ".dlt").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPUTE__ENGINE", "ray")
        assert refused(home) == (
            "[compute] needs a lakehouse, and the warehouse is a file. "
            'Set engine = "ducklake" under [warehouse], or remove [compute]'
        )


@pytest.mark.parametrize(
    "address",
    [
        "spark://host:7077",
        "spark://one:7077,other:7077",
        "yarn",
        "k8s://https://host:6443",
        "local[4]",
        "local[*]",
        "local-cluster[2,1,1024]",
    ],
)
def test_spark_has_several_kinds_of_addresses(tmp_path: Path, address: str) -> None:
    home = LakeHome(tmp_path, "postgres:dbname=never-asked", str(tmp_path / "data"))
    home.divide(engine="spark", address=address)
    found = compute_settings(tmp_path)
    assert found
    assert (found.engine, found.address) == ("spark", address)


@pytest.mark.parametrize(
    ("engine", "module", "package"),
    [("ray", "ray", "ray[client]>=2.50"), ("spark", "pyspark", "pyspark<5,>=4.1")],
)
def test_an_engine_that_is_not_installed_is_named(
    lake: LakeHome, monkeypatch: pytest.MonkeyPatch, engine: str, module: str, package: str
) -> None:
    lake.divide(engine=engine)
    monkeypatch.delitem(sys.modules, f"pipelines.compute.on_{engine}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    assert refused(lake) == f"{module} is not installed. Run: pip install '{package}'"
