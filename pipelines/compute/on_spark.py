"""Workers of Spark: those of a cluster, or Python processes of this machine for one run only.

A unit is a task of Spark. The results of a stage come back when all its units are done, and so does an error
of one of them. Spark sends what a task has counted when the task ends, so progress is shown by listings, not
by pages.

Units hold credentials. Spark would send them through a file, and may write blocks to its disks. With
`spark.io.encryption.enabled` it sends them through a socket, and encrypts what it writes; the key is in
memory only.
"""

import contextlib
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO, Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway

from pipelines.common.errors import ConfigurationError, WorkerFailed
from pipelines.common.signals import handlers_kept
from pipelines.compute.attempts import RETRIES, Task, U, attempt, opened, versions
from pipelines.compute.job import Report
from pipelines.config.compute import ComputeSettings

PROGRESS_S = 0.5
STOP_S = 20.0
INSTALL_JAVA = "install Java 17 or newer, such as Debian's openjdk-17-jre-headless, or set JAVA_HOME"

ALWAYS = {
    "spark.app.name": "rollcall",
    "spark.io.encryption.enabled": "true",
    "spark.eventLog.enabled": "false",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.speculation": "false",
    "spark.task.maxFailures": str(RETRIES + 1),
}
# Others on this machine must not use Spark's ports. Spark makes the secret itself, and keeps it in memory.
ON_THIS_MACHINE = {
    "spark.authenticate": "true",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "512m",  # rows travel as files, not through Java
}
# Java does so little here that optimizing its code does not pay.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"

Newest = Mapping[tuple[str, str | None], tuple[int, int]]
"""The newest numbers of pages and records, by connection and scope."""


class _Progress:
    """How Spark adds up what tasks have counted: a task that is done again counts once."""

    def zero(self, value: Newest) -> Newest:
        del value
        return {}

    def addInPlace(self, value1: Newest, value2: Newest) -> Newest:  # noqa: N802 - the name that Spark calls
        return {**value1, **value2}


class _Work:
    """What Spark runs in a worker."""

    def __init__(self, task: Task, progress: Any) -> None:  # noqa: ANN401 - an accumulator
        self._task, self._expected, self._progress = task, versions(), progress

    def __call__(self, packed: bytes) -> bytes:
        def report(connection: str, scope: str | None, pages: int, records: int) -> None:
            self._progress.add({(connection, scope): (pages, records)})

        return attempt(self._task, self._expected, packed, report)


class SparkWorkers:
    """The workers of a cluster, or of this machine, while the block runs."""

    def __init__(self, settings: ComputeSettings) -> None:
        _need_java()
        self._settings = settings
        self._held = contextlib.ExitStack()

    def __enter__(self) -> "SparkWorkers":
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._held.close)
            # A file without a name: nothing of it is left, even if the run is killed.
            log = self._held.enter_context(tempfile.TemporaryFile())
            try:
                with handlers_kept():
                    self._connect(log)
            except Exception as error:
                raise _not_started(error, log) from error
            self._progress: Any = self._context.accumulator({}, _Progress())
            on_failure.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _connect(self, log: IO[bytes]) -> None:
        """Start Java, which prints to `log`, and have it connect to the workers."""
        conf = SparkConf(loadDefaults=False)
        for key, value in _properties(self._settings).items():
            conf.set(key, value)
        gateway: Any = launch_gateway(conf, {"stdout": subprocess.DEVNULL, "stderr": log})
        self._held.callback(_stop_java, gateway)
        self._context: Any = SparkContext(conf=conf, gateway=gateway)
        self._held.callback(self._context.stop)
        if _is_local(self._settings.address):
            self._context.pythonExec = sys.executable

    def each(self, task: Task, units: Sequence[U], report: Report) -> Iterator[tuple[U, object]]:
        """Do a task for each unit; a unit whose worker dies is started again, up to three times."""
        if not units:
            return
        packed = [pickle.dumps(one) for one in units]
        shown: dict[tuple[str, str | None], tuple[int, int]] = {}
        with ThreadPoolExecutor(1) as background:
            running = background.submit(self._results, task, packed)
            while not wait([running], PROGRESS_S).done:
                self._report(shown, report)
        try:
            found = running.result()
        except Exception as error:
            raise _failed(units, error) from error
        self._report(shown, report)
        for one, result in zip(units, found, strict=True):
            yield one, opened(result)

    def _results(self, task: Task, packed: list[bytes]) -> list[bytes]:
        found: list[bytes] = (
            self._context.parallelize(packed, len(packed)).map(_Work(task, self._progress)).collect()
        )
        return found

    def _report(self, shown: dict[tuple[str, str | None], tuple[int, int]], report: Report) -> None:
        for listing, counts in self._progress.value.items():
            if shown.get(listing) != counts:
                shown[listing] = counts
                report(*listing, *counts)


def _properties(settings: ComputeSettings) -> Mapping[str, str]:
    """The properties of Spark; those that it does not name are as `spark-defaults.conf` has them."""
    address = settings.address or f"local[{settings.workers}]"
    if address.startswith("local["):
        address = f"{address.removesuffix(']')},{RETRIES + 1}]"  # else Spark tries a task once
    found = {**ALWAYS, "spark.master": address}
    if not _is_local(settings.address):
        return found
    folder = tempfile.gettempdir()
    return {
        **found,
        **ON_THIS_MACHINE,
        "spark.local.dir": folder,
        "spark.driver.extraJavaOptions": f'"-Djava.io.tmpdir={folder}" {JAVA_OPTIONS}',
    }


def _is_local(address: str) -> bool:
    return not address or address.startswith("local")


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if home and not os.access(Path(home, "bin", "java"), os.X_OK):
        raise ConfigurationError(f"JAVA_HOME is {home}, which has no bin/java", INSTALL_JAVA)
    if not home and not shutil.which("java"):
        raise ConfigurationError("Spark needs Java, and this machine has none", INSTALL_JAVA)


def _stop_java(gateway: Any) -> None:  # noqa: ANN401 - of py4j
    """End Java, so that another run of this process can start it again."""
    with contextlib.suppress(Exception):  # Java may have ended
        gateway.shutdown()
    process: subprocess.Popen[bytes] = gateway.proc
    assert process.stdin is not None
    process.stdin.close()  # Java ends with it
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    SparkContext._gateway = SparkContext._jvm = None


def _not_started(error: Exception, log: IO[bytes]) -> Exception:
    """Why Spark does not start: what it raised, or what Java printed before."""
    log.seek(0)
    printed = log.read().decode(errors="replace")
    if "UnsupportedClassVersionError" in printed:
        return ConfigurationError("Spark needs a newer Java", INSTALL_JAVA)
    return WorkerFailed(f"Spark does not start ({_reason(error)})", "check [compute] and the cluster")


def _failed(units: Sequence[U], error: Exception) -> WorkerFailed:
    text = str(error)
    found = re.search(r"Task (\d+) in stage \S+ failed", text)
    name = units[int(found[1])].name if found else "a unit"
    if "Python worker exited unexpectedly" in text or "ExecutorLostFailure" in text:
        return WorkerFailed(
            f"{RETRIES + 1} workers died at {name}", "see whether they had enough memory: lower unit_records"
        )
    if re.search(r"stopped SparkContext|SparkContext (has been shutdown|was shut down)", text):
        return WorkerFailed(
            "Spark does not answer, or has ended the run", "check address of [compute], and the cluster"
        )
    return WorkerFailed(
        f"Spark cannot run {name} ({_reason(error)})",
        "install Rollcall with the extras lake and spark on every worker, in the version of this machine",
    )


def _reason(error: Exception) -> str:
    """The last line of an error before Java's stack."""
    lines = re.split(r"\n\s+at ", str(error))[0].strip().splitlines()
    return " ".join(lines[-1].split())[-300:] if lines else type(error).__name__
