"""Workers of Ray: a cluster that runs for one run only, or an existing one.

Nothing is sent to Ray's makers. Units travel in memory, between the processes of the cluster; a cluster of
several machines must encrypt this itself (RAY_USE_TLS).
"""

import contextlib
import logging
import os
import pickle
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Ray reads these when it is imported, and when it starts a cluster.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("RAY_worker_niceness", "0")  # else every other process comes before a worker
# In a process of `uv run`, Ray would copy the current directory, secrets included, and run uv there.
os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray prints a warning

import ray
from ray import exceptions

from pipelines.common.errors import WorkerFailed
from pipelines.common.signals import handlers_kept
from pipelines.compute.attempts import RETRIES, Task, U, attempt, opened, versions
from pipelines.compute.job import Report
from pipelines.config.compute import ComputeSettings

# The smallest that Ray accepts: rows travel as files, not as objects of Ray.
OBJECT_STORE_BYTES = 80 << 20
PROGRESS_S = 0.5
STARTS = 3
# Ray has sockets below its directory, whose paths may have 107 bytes.
LONGEST_PATH = 18
SHORT_PATH = "/tmp"  # noqa: S108 - a private directory is created in it

Pages = tuple[str, str | None, int, int]


class _Progress:
    """An actor that keeps the newest numbers of each listing until the run asks for them."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str | None], Pages] = {}

    def put(self, connection: str, scope: str | None, pages: int, records: int) -> None:
        self._newest[connection, scope] = connection, scope, pages, records

    def take(self) -> list[Pages]:
        newest, self._newest = self._newest, {}
        return list(newest.values())


def _work(task: Task, expected: Mapping[str, str], packed: bytes, progress: Any) -> bytes:  # noqa: ANN401 - an actor
    """What Ray runs in a worker."""

    def report(connection: str, scope: str | None, pages: int, records: int) -> None:
        progress.put.remote(connection, scope, pages, records)

    return attempt(task, expected, packed, report)


class RayWorkers:
    """The workers of a cluster, while the block runs."""

    def __init__(self, settings: ComputeSettings) -> None:
        self._settings = settings
        self._held = contextlib.ExitStack()

    def __enter__(self) -> "RayWorkers":
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self._held.close)
            self._held.callback(ray.shutdown)
            try:
                with handlers_kept():
                    self._connect()
            except Exception as error:
                reason = " ".join(str(error).split())[:300]
                raise WorkerFailed(
                    f"Ray does not start ({reason})", "check [compute] and the cluster"
                ) from error
            self._progress: Any = ray.remote(num_cpus=0)(_Progress).remote()
            self._work: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(_work)
            on_failure.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _connect(self) -> None:
        if self._settings.address:
            ray.init(address=self._settings.address, log_to_driver=False, logging_level=logging.ERROR)
            return
        usual = tempfile.gettempdir()
        folder = tempfile.mkdtemp(
            prefix="rollcall-ray-", dir=usual if len(usual) <= LONGEST_PATH else SHORT_PATH
        )
        self._held.callback(shutil.rmtree, folder, ignore_errors=True)
        self._held.callback(ray.shutdown)
        start_cluster(self._settings.workers, folder)

    def each(self, task: Task, units: Sequence[U], report: Report) -> Iterator[tuple[U, object]]:
        """Do a task for each unit; a unit whose worker dies is started again, up to three times."""
        waiting = {
            self._work.remote(task, versions(), pickle.dumps(one), self._progress): one for one in units
        }
        while waiting:
            done, _ = ray.wait(list(waiting), num_returns=1, timeout=PROGRESS_S)
            self._report(report)
            for one in done:
                unit = waiting.pop(one)
                try:
                    result = ray.get(one)
                except exceptions.RayError as error:
                    raise _failed(unit.name, error) from error
                yield unit, opened(result)
        self._report(report)

    def _report(self, report: Report) -> None:
        with contextlib.suppress(exceptions.RayError):  # a failure to show progress must not end the run
            for pages in ray.get(self._progress.take.remote(), timeout=PROGRESS_S):
                report(*pages)


def start_cluster(workers: int, folder: str) -> None:
    """Start a cluster on this machine, with its logs and sockets in `folder`, and connect to it.

    Ray waits half a minute, which may be too short while other programs start.
    """
    for left in reversed(range(STARTS)):
        try:
            ray.init(
                num_cpus=workers,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                _temp_dir=folder,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except Exception:
            ray.shutdown()
            if not left:
                raise
        else:
            return


def _failed(name: str, error: exceptions.RayError) -> WorkerFailed:
    if isinstance(
        error, exceptions.WorkerCrashedError | exceptions.NodeDiedError | exceptions.OutOfMemoryError
    ):
        return WorkerFailed(
            f"{RETRIES + 1} workers died at {name}", "see whether they had enough memory: lower unit_records"
        )
    reason = " ".join(str(error).split())[-300:]
    return WorkerFailed(
        f"Ray cannot run {name} ({reason})",
        "install Rollcall with the extras lake and ray on every worker, in the version of this machine",
    )
