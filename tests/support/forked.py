"""Processes that start quickly: forked from one that has already imported everything that a run imports.

`python -m tests.support.forked` reads orders from standard input, one JSON list per line, and answers each
with a number on standard output.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
IMPORTED = (
    "pipelines.cli",
    "pipelines.config.dlt_runtime",
    "pipelines.cli.run_view",
    "pipelines.cli.sync_session",
    "tests.campaigns.play",
    "tests.support.light",
    "tests.campaigns.publications",
    "tests.support.steps",
    # Modules that these import only when they run.
    "dlt._workspace._plugins",
    "dlt._workspace.cli._plugins",
    "dlt.common.libs.pyarrow",
    "dlt.sources.helpers.requests",
    "fsspec.implementations.local",
    "pyarrow.dataset",
    "pytz",
    "sqlglot.generators.duckdb",
    "tzlocal.windows_tz",
)


@dataclass(frozen=True)
class Order:
    """A run to run in the directory `home`; what it prints goes to the file `output`.

    `at` names a step and when (`rename before`): there it is sent a `signal`, or OSError number `error`
    raised. `steps` gets a line for each step. A `light` run lands without dlt and builds no more than its
    steps need. No file may have more than `most_bytes`, where that is given.
    """

    home: str
    output: str
    at: str = ""
    signal: int = signal.SIGKILL
    error: int = 0
    steps: str = ""
    light: bool = False
    most_bytes: int = 0


class Forked:
    """Starts processes while the context is entered."""

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate(timeout=PATIENCE_S)

    def start(self, function: Callable[..., int], *arguments: object) -> int:
        """Call a function of a module in a process, which exits with what it returns; returns its id."""
        return self._ask([f"{function.__globals__['__spec__'].name}:{function.__name__}", *arguments])

    def begin(self, order: Order) -> int:
        """Start a run; returns its process id."""
        return self.start(run, asdict(order))

    def wait(self, process: int = -1, within_s: float = PATIENCE_S) -> int:
        """How a process, or any of them, ended: its exit code, or the negative number of a signal."""
        try:
            return self._ask(["wait", process], within_s)
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            raise

    def run(self, order: Order) -> int:
        """Start a run and wait for its end; returns how it ended."""
        return self.wait(self.begin(order))

    def _ask(self, order: list[object], within_s: float = PATIENCE_S) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        if not select.select([self._server.stdout], [], [], within_s)[0]:
            raise TimeoutError(f"no answer to {order}")
        return int(self._server.stdout.readline())


def serve(orders: IO[str]) -> None:
    """Execute orders until there are no more."""
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()  # a garbage collection in a child would copy all memory
    for line in orders:
        name, *arguments = json.loads(line)
        if name == "wait":
            _, status = os.waitpid(arguments[0], 0)
            _reply(os.waitstatus_to_exitcode(status))
        elif process := os.fork():
            _reply(process)
        else:
            module, _, function = name.partition(":")
            os._exit(getattr(importlib.import_module(module), function)(*arguments))


def _reply(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def run(given: dict[str, object]) -> int:
    """Do the run of an Order in this process, on the command line; returns its exit code."""
    from pipelines.cli import main
    from tests.support.light import light

    order = Order(**given)  # type: ignore[arg-type]
    _obey_permissions()
    output = os.open(order.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if order.most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.most_bytes, order.most_bytes))
    with light() if order.light else contextlib.nullcontext(), acting(order):
        try:
            main(["--home", order.home, "sync"])
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            return int(end.code or 0)
    raise AssertionError("the command line always exits")


def _obey_permissions() -> None:
    """Take from root the capability to write where other users cannot."""
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    capabilities = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, capabilities) == 0
    for number in (0, 1):  # effective, permitted
        capabilities[number] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, capabilities) == 0


@contextlib.contextmanager
def acting(order: Order) -> Iterator[None]:
    """At each step, do what the order says."""
    from tests.support.steps import watched

    def act(step: str, when: str) -> None:
        if order.steps:
            with Path(order.steps).open("a") as steps:
                steps.write(f"{step} {when}\n")
        if order.at == f"{step} {when}":
            if order.error:
                raise OSError(order.error, os.strerror(order.error))
            os.kill(os.getpid(), order.signal)
            time.sleep(PATIENCE_S)  # it must not continue until it has ended

    with watched(act) if order.at or order.steps else contextlib.nullcontext():
        yield


if __name__ == "__main__":
    serve(sys.stdin)
