"""What only Spark needs: Java, encryption of its files, and an end of all its processes."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.common.errors import WorkerFailed
from tests.compute.conftest import LEAVES_SOCKETS
from tests.compute.test_on_engines import DYING
from tests.lake.home import LakeHome
from tests.support.canaries import leaks
from tests.support.loopback import Answer, Asked, Loopback

pytestmark = pytest.mark.parametrize(
    "engine", [pytest.param("spark", marks=LEAVES_SOCKETS)], indirect=True, scope="session"
)
LONGEST_END_S = 60
# The parent of the parent of a worker is Java.
EXECUTOR = "int(Path('/proc', str(os.getppid()), 'stat').read_text().rpartition(')')[2].split()[1])"
TOKEN = "T0ken-of-belltastic"


def test_credentials_are_in_no_file_while_a_task_has_them(
    divided_home: LakeHome, cluster: tuple[str, Path], loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def answer(_: Asked) -> Answer:
        found.append(leaks(divided_home.path, str(cluster[1])))
        return Answer([{"id": 1}])

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("Spark sends units through a file")

    monkeypatch.setattr("pyspark.core.context.NamedTemporaryFile", refuse)
    divided_home.connect("belltastic", base_url=loopback.serve("belltastic", answer), api_token=TOKEN)
    assert divided_home.run().exit_code == 0
    assert found
    assert not any(found)
    assert any(Path(cluster[1]).rglob("stderr"))  # of an executor


def test_a_task_whose_executor_is_killed_is_done_again(
    divided_home: LakeHome, loopback: Loopback, tmp_path: Path
) -> None:
    markers = tmp_path / "markers"
    markers.mkdir()
    (divided_home.path / "providers").mkdir()
    dying = DYING.format(markers=str(markers), victim=EXECUTOR)
    (divided_home.path / "providers" / "dying.py").write_text(dying)
    serve = loopback.serve("belltastic", lambda _: Answer([{"id": 1}]))
    divided_home.connect("dying", base_url=serve, api_token=TOKEN)
    assert divided_home.run().exit_code == 0
    assert [path.name for path in markers.iterdir()] == ["receive"]
    assert divided_home.rows("select record_id from raw.records") == [{"record_id": "1"}]


def test_a_cluster_that_ends_the_run_is_named(engine: str, lake_home: LakeHome, loopback: Loopback) -> None:
    def answer(_: Asked) -> Answer:
        from pyspark import SparkContext

        with contextlib.suppress(Exception):  # the run ends Java meanwhile
            SparkContext._active_spark_context._jsc.sc().stop()
        return Answer([{"id": 1}])

    lake_home.divide(engine=engine, address="local[1]")
    lake_home.connect("belltastic", base_url=loopback.serve("belltastic", answer), api_token=TOKEN)
    with pytest.raises(WorkerFailed) as raised:
        lake_home.run()
    assert raised.value.reason == "Spark does not answer, or has ended the run"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_java_too(
    engine: str, lake_home: LakeHome, loopback: Loopback, temporary: Path, number: signal.Signals
) -> None:
    running: list[subprocess.Popen[str]] = []
    others: list[int] = []

    def answer(_: Asked) -> Answer:
        others.extend(os.pidfd_open(one) for one in processes_of(temporary) if one != running[0].pid)
        running[0].send_signal(number)
        running[0].wait()
        return Answer([{"id": 1}])

    lake_home.divide(engine=engine, workers=1)
    lake_home.connect("belltastic", base_url=loopback.serve("belltastic", answer), api_token=TOKEN)
    with subprocess.Popen(
        [Path(sys.executable).with_name("rollcall"), "--home", str(lake_home.path), "sync"],
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running.append(process)
        printed = process.communicate()
    assert process.returncode == 128 + number
    assert printed == ("", "rollcall: interrupted; the published warehouse is unchanged\n")
    assert len(others) > 1  # Java, and Python that it has started
    for one in others:
        assert select.select([one], [], [], LONGEST_END_S)[0], "a process of Spark goes on"
        os.close(one)
    assert not [path.name for path in temporary.iterdir() if path.name.startswith(("spark", "blockmgr"))]


def processes_of(temporary: Path) -> list[int]:
    """The processes that have this as their directory for temporary files."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={temporary}\0".encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


@pytest.mark.parametrize("java_home", [None, "/nowhere"])
def test_a_missing_java_is_named(
    engine: str, lake_home: LakeHome, monkeypatch: pytest.MonkeyPatch, java_home: str | None
) -> None:
    lake_home.divide(engine=engine)
    lake_home.connect("belltastic", base_url="http://127.0.0.1:9", api_token=TOKEN)
    monkeypatch.setenv("PATH", "")
    if java_home:
        monkeypatch.setenv("JAVA_HOME", java_home)
    else:
        monkeypatch.delenv("JAVA_HOME", raising=False)
    result = CliRunner().invoke(main, ["--home", str(lake_home.path), "sync"])
    reason = (
        "JAVA_HOME is /nowhere, which has no bin/java"
        if java_home
        else "Spark needs Java, and this machine has none"
    )
    remedy = "Install Java 17 or newer, such as Debian's openjdk-17-jre-headless, or set JAVA_HOME"
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"rollcall: {reason}. {remedy}\n"
