"""Limits for DuckDB: time, and memory beyond what DuckDB counts itself.

DuckDB checks for an interrupt between rows, not within one. It rarely checks for signals, and the interpreter
acts on them only when DuckDB returns. So a thread checks both, and ends the process if necessary.
"""

import contextlib
import math
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import duckdb

from pipelines.common.errors import SyncError, UsageError, sentences
from pipelines.common.exit_codes import ExitCode
from pipelines.common.signals import pipe, signals_written_to

# Seconds that DuckDB has to react to an interrupt.
GRACE_S = 2.0


class Clock:
    """A countdown of `seconds` for one query; None never ends."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = math.inf if seconds is None else seconds
        self._started = time.monotonic()
        self._stopped: float | None = None

    def left(self) -> float:
        """The seconds that are left."""
        return self.seconds - ((self._stopped or time.monotonic()) - self._started)

    def too_late(self) -> UsageError:
        """The error for a query that took too long."""
        return UsageError(f"the query took longer than {self.seconds:g} s", "simplify it, or raise --timeout")

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the countdown in the block, because a person is reading the answer."""
        self._stopped = time.monotonic()
        try:
            yield
        finally:
            self._started += time.monotonic() - self._stopped
            self._stopped = None


@contextlib.contextmanager
def bounded_time(db: duckdb.DuckDBPyConnection, clock: Clock, tidy: Callable[[], None]) -> Iterator[None]:
    """Run the block, then close `db`; interrupt it on SIGINT, SIGTERM and timeout.

    A timeout raises UsageError. If DuckDB does not react to the interrupt, call `tidy` and end the process.
    """
    interrupter = _Interrupter(db, clock, tidy)
    # SIGTERM does the same as SIGINT, so that the workspace is removed.
    as_interrupt = {signal.SIGTERM: signal.default_int_handler}
    with pipe() as (signals, wake), signals_written_to(wake, as_interrupt):
        watcher = threading.Thread(target=interrupter.watch, args=(signals,), name="watch", daemon=True)
        watcher.start()
        try:
            yield
        except (duckdb.Error, SyncError):
            # DuckDB has more than one exception for an answer that was interrupted.
            if interrupter.is_late:
                raise clock.too_late() from None
            raise
        finally:
            interrupter.close()
            os.write(wake, b"\0")
            watcher.join()


class _Interrupter:
    """Interrupts the queries of a DuckDB connection on a signal or a timeout, until it is closed."""

    def __init__(self, db: duckdb.DuckDBPyConnection, clock: Clock, tidy: Callable[[], None]) -> None:
        self.is_late = False
        self._db = db
        self._clock = clock
        self._tidy = tidy
        self._in_use = threading.Lock()
        self._is_closing = False
        self._done = threading.Event()

    def watch(self, signals: int) -> None:
        """Wait for a signal or the timeout, then interrupt queries until the connection is closed.

        If that takes too long, end the process.
        """
        self.is_late = not self._is_signal_first(signals)
        ends = time.monotonic() + GRACE_S
        # An interrupt between two queries has no effect, so repeat it.
        while not self._done.wait(0.05):
            self._interrupt()
            if time.monotonic() > ends:
                self._tidy()
                _leave(self._clock.too_late() if self.is_late else None)

    def close(self) -> None:
        """Close the connection. Closing waits for running queries, so they are interrupted first."""
        self._interrupt()
        with self._in_use:
            self._is_closing = True
        self._db.close()
        self._done.set()

    def _is_signal_first(self, signals: int) -> bool:
        while (left := self._clock.left()) > 0:
            if select.select([signals], [], [], None if left == math.inf else max(left, 0.05))[0]:
                return True
        return False

    def _interrupt(self) -> None:
        with self._in_use:
            if not self._is_closing:
                self._db.interrupt()


def _leave(reason: UsageError | None) -> NoReturn:
    """End the process at once, with this error or because it was interrupted."""
    message = sentences(reason.reason, reason.remedy) if reason else "interrupted"
    sys.stderr.write(f"rollcall: {message}\n")
    sys.stderr.flush()
    os._exit(reason.exit_code if reason else ExitCode.INTERRUPTED)


def physical_mb() -> int:
    """The memory of the machine, in MB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


@contextlib.contextmanager
def bounded_memory(megabytes: int) -> Iterator[None]:
    """Limit how much more memory the process may take; allocations beyond that fail.

    An absolute limit could be below what a large process, such as a notebook, has already.
    """
    with _limited(resource.RLIMIT_DATA, _data_bytes() + (megabytes << 20)):
        yield


def _data_bytes() -> int:
    """The memory of the process that RLIMIT_DATA counts; 0 if the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


@contextlib.contextmanager
def bounded_files(megabytes: int) -> Iterator[None]:
    """Limit the size of every file that is written; a write beyond it fails with EFBIG."""
    with _limited(resource.RLIMIT_FSIZE, megabytes << 20):
        yield


@contextlib.contextmanager
def _limited(kind: int, amount: int) -> Iterator[None]:
    """Lower a limit of the process, unless it is lower already."""
    soft, hard = resource.getrlimit(kind)
    given = [limit for limit in (soft, hard, amount) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min(given), hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))
