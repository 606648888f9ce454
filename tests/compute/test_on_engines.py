"""A run on workers gives the rows of a run in one process, even if workers are killed.

All in one file, so that one process of the tests starts one cluster of each engine.
"""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.commands.sync import Run
from pipelines.sandbox import RILLSOFT_CLIENT_IDS, Fault, Sandbox
from tests.lake.home import LakeHome, differences
from tests.lake.test_equality import changed
from tests.lake.test_kills import started
from tests.support.canaries import leaks
from tests.support.home import Home, sandbox_settings
from tests.support.postgres import Postgres

OUTCOMES = "select outcome from listings where connection = 'matter' order by started_at"


def without_times(run: Run) -> object:
    """The rows that runs over the same answers must have in common."""
    return run.outcome, run.warnings, [replace(one, seconds=0.0) for one in run.listings]


# A provider in the home, whose module kills each kind of task once, when a worker imports it.
DYING = """
import os, signal, sys, traceback
from pathlib import Path
from pipelines.providers.belltastic import PROVIDER

for frame in traceback.extract_stack():
    if frame.filename.endswith("compute/unit.py") and frame.name in ("receive", "count", "finish"):
        marker = Path({markers!r}, frame.name)
        if not marker.exists():
            marker.touch()
            os.kill({victim}, signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=3, projects=9, files=30) as sandbox:
        for _ in range(4):
            sandbox.store("matter").add()  # two units
        yield sandbox


def test_a_history_on_workers_equals_those_in_one_process(
    sandbox: Sandbox, tmp_path: Path, divided_home: LakeHome, cluster: tuple[str, Path], postgres: Postgres
) -> None:
    for name in ("file", "one process"):
        (tmp_path / name).mkdir()
    file_home = Home(tmp_path / "file")
    one_process = LakeHome(
        tmp_path / "one process", f"postgres:{postgres.create_database()}", str(tmp_path / "other data")
    )
    homes = (file_home, one_process, divided_home)
    for home in homes:
        home.connect_all(sandbox, max_retries=1)
    runs = [[without_times(home.run()) for home in homes]]
    changed(sandbox)
    runs += [[without_times(home.run()) for home in homes]]
    sandbox.store("rillsoft", RILLSOFT_CLIENT_IDS[0]).restore(2)
    held = sandbox.store("matter").records(0, 7)
    for record in held:
        sandbox.store("matter").remove(record["originId"])
    runs += [[without_times(home.run("matter", "rillsoft")) for home in homes]]
    runs += [[without_times(home.run("matter", accept={"matter": 7})) for home in homes]]
    for home in homes:
        sandbox.faults.add(Fault("matter", times=None, status=503))
        home.run("matter")
        sandbox.faults.clear()
    assert [one.count(one[0]) for one in runs] == [3, 3, 3, 3]
    for lake in (one_process, divided_home):
        found = differences(file_home.warehouse, lake.path)
        assert found == dict.fromkeys(found, 0)
    assert [row["outcome"] for row in divided_home.rows(OUTCOMES)] == [
        "verified",
        "verified",
        "held_back",
        "verified",
        "failed",
    ]
    assert list(Path(str(divided_home.warehouse_settings["data"]), "exchange").iterdir()) == []
    assert leaks(divided_home.path, str(cluster[1])) == []  # what the engine writes itself


def test_a_task_of_each_kind_that_is_killed_is_done_again(
    sandbox: Sandbox, tmp_path: Path, divided_home: LakeHome
) -> None:
    markers = tmp_path / "markers"
    markers.mkdir()
    (tmp_path / "file").mkdir()
    homes = (Home(tmp_path / "file"), divided_home)
    divided_home.divide(**divided_home.compute_settings | {"unit_records": 5})
    settings = sandbox_settings(sandbox)["belltastic"]
    for home in homes:
        (home.path / "providers").mkdir()
        (home.path / "providers" / "dying.py").write_text(
            DYING.format(markers=str(markers), victim="os.getpid()")
        )
        home.connect("dying", **settings)
        assert home.run().exit_code == 0
    assert sorted(path.name for path in markers.iterdir()) == ["count", "finish", "receive"]
    found = differences(homes[0].warehouse, divided_home.path)
    assert found == dict.fromkeys(found, 0)


def test_a_killed_run_on_workers_publishes_nothing(sandbox: Sandbox, divided_home: LakeHome) -> None:
    exchange = Path(str(divided_home.warehouse_settings["data"]), "exchange")
    divided_home.connect_all(sandbox)
    assert started(divided_home.path, "in the commit", "fone_dynamics").wait() == -signal.SIGKILL
    assert len(list(exchange.iterdir())) == 1
    assert divided_home.run("fone_dynamics").exit_code == 0
    assert len(divided_home.rows("from runs")) == 1
    assert list(exchange.iterdir()) == []
