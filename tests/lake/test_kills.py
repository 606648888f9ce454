"""Two runs at once, and runs that are killed: each is published completely or not at all."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.sandbox import Sandbox
from pipelines.warehouse import lake_lock
from tests.lake.home import LakeHome
from tests.support.loopback import Answer, Asked, Loopback

SYNC = """
import os, signal, sys
from pathlib import Path
from pipelines.commands.sync import Options, sync
from pipelines.warehouse import lake_store, lakehouse

def dying(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

moment, home, *names = sys.argv[1:]
commit = lakehouse.Lakehouse.commit
if moment == "before the commit":
    lakehouse.Lakehouse.commit = dying
if moment == "in the commit":
    lakehouse.create_views = dying
if moment == "after the commit":
    lakehouse.Lakehouse.commit = lambda *a: (commit(*a), dying())
sync(Path(home), Options(tuple(names)))
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=7, projects=4, files=4) as sandbox:
        yield sandbox


def started(home: Path, moment: str, *names: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SYNC, moment, str(home), *names],
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
    )


def test_two_runs_of_different_connections_commit_at_once(
    lake_home: LakeHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    lake_home.connect_all(sandbox)
    runs = [started(lake_home.path, "never", name) for name in ("belltastic", "rillsoft")]
    assert [run.wait() for run in runs] == [0, 0]
    assert [(row["connection"], row["outcome"]) for row in lake_home.rows("from connections")] == [
        ("belltastic", "verified"),
        ("rillsoft", "verified"),
    ]
    assert lake_home.rows("select count(distinct started_at) as runs from runs") == [{"runs": 2}]
    both = lake_home.rows("select count(*) as projects from projects group by connection")
    assert len(both) == 2


def test_a_run_may_end_after_one_that_began_later(lake_home: LakeHome, sandbox: Sandbox) -> None:
    lake_home.connect_all(sandbox)

    def answer(_: Asked) -> Answer:
        assert started(lake_home.path, "never", "rillsoft").wait() == 0
        return Answer([{"id": 1}])

    with Loopback() as server:
        lake_home.connect(
            "belltastic", base_url=server.serve("belltastic", answer), api_token="T0ken-of-belltastic"
        )
        lake_home.run("belltastic")
    lake_home.run("fone_dynamics")
    assert lake_home.rows("select connection from raw.listings group by all order by max(started_at)") == [
        {"connection": "belltastic"},
        {"connection": "rillsoft"},
        {"connection": "fone_dynamics"},
    ]


def test_a_killed_run_publishes_all_or_nothing(lake_home: LakeHome, sandbox: Sandbox) -> None:
    lake_home.connect_all(sandbox)
    lake_home.run("fone_dynamics")

    def kill(moment: str, name: str) -> int:
        """Kill a run of a connection. Returns how often the connection is published then."""
        assert started(lake_home.path, moment, name).wait() == -signal.SIGKILL
        return len(lake_home.rows(f"from connections where connection = '{name}'"))

    assert [kill(moment, "belltastic") for moment in ("before the commit", "in the commit")] == [0, 0]
    assert lake_home.run("belltastic").exit_code == 0
    assert len(lake_home.rows("from runs")) == 2
    assert kill("after the commit", "rillsoft") == 1
    assert lake_home.run("rillsoft").exit_code == 0
    assert len(lake_home.rows("from runs")) == 4
    assert [path.name for path in (lake_home.path / ".rollcall").glob("lake-run-*")] == []


def test_a_run_that_ends_while_another_begins_does_not_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = lake_lock._clear_if_dead
    with lake_lock.scratch_directory(tmp_path) as ending:

        def look_after_its_end(scratch: Path) -> None:
            lake_lock.clear(scratch)
            look(scratch)

        monkeypatch.setattr(lake_lock, "_clear_if_dead", look_after_its_end)
        with lake_lock.scratch_directory(tmp_path) as beginning:
            assert (ending.exists(), beginning.exists()) == (False, True)
