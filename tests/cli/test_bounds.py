"""Limits of time and memory, tested with a connection that the test controls."""

import math
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from pipelines.common import limits as bounds
from pipelines.common.errors import SyncError, UsageError
from pipelines.common.limits import Clock, bounded_memory, bounded_time


class Connection:
    """Counts interrupts; `heard` is set by the first, `close` calls what it was given."""

    def __init__(self, close: Callable[[], object] = lambda: None) -> None:
        self.interrupts = 0
        self.closed = False
        self.heard = threading.Event()
        self._close = close

    def interrupt(self) -> None:
        self.interrupts += 1
        self.heard.set()

    def close(self) -> None:
        self._close()
        self.closed = True


def tidy() -> None:
    raise AssertionError("nothing is to be tidied")


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def interrupted_by(connection: Connection, error: Exception) -> None:
    """Wait until the time is up, then fail."""
    with bounded_time(connection, Clock(0.01), tidy):
        assert connection.heard.wait(60)
        raise error


@pytest.mark.parametrize("error", [duckdb.InterruptException("stop"), SyncError("stop")])
def test_an_interrupted_query_names_the_time_limit(error: Exception) -> None:
    connection = Connection()
    with pytest.raises(UsageError) as refused:
        interrupted_by(connection, error)
    assert refused.value.reason == "the query took longer than 0.01 s"
    assert refused.value.remedy == "simplify it, or raise --timeout"
    assert connection.closed


def test_other_errors_are_passed_on() -> None:
    for error in (duckdb.BinderException("wrong"), SyncError("wrong"), KeyError("wrong")):
        connection = Connection()
        with pytest.raises(type(error)) as passed, bounded_time(connection, Clock(None), tidy):
            raise error
        assert passed.value is error
        assert (connection.closed, connection.interrupts) == (True, 1)
    with pytest.raises(KeyError):
        interrupted_by(Connection(), KeyError("not of time"))


@pytest.mark.parametrize(
    ("seconds", "armed"),
    [(0.01, "the query took longer than 0.01 s"), (None, None)],
)
def test_a_query_that_ignores_interrupts_ends_with_the_process(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None, armed: str | None
) -> None:
    left = threading.Event()
    steps: list[object] = []

    def leave(reason: UsageError | None) -> None:
        steps.append(reason and reason.reason)
        left.set()

    monkeypatch.setattr(bounds, "_leave", leave)
    monkeypatch.setattr(bounds, "GRACE_S", 0.0)
    previous = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with bounded_time(Connection(), Clock(seconds), lambda: steps.append("tidied")):
            if seconds is None:
                os.kill(os.getpid(), signal.SIGINT)
            assert left.wait(60)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert steps[:2] == ["tidied", armed]


def test_a_query_is_interrupted_repeatedly_before_the_process_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "_leave", lambda *_: pytest.fail("it was not patient"))
    assert bounds.GRACE_S >= 2
    monkeypatch.setattr(bounds, "GRACE_S", 3600.0)
    connection = Connection()
    with bounded_time(connection, Clock(0.01), tidy):
        for _ in range(3):
            connection.heard.clear()
            assert connection.heard.wait(60)


def test_closing_a_connection_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    closing, looked = threading.Event(), threading.Semaphore(0)
    monotonic = bounds.time.monotonic
    interrupts: list[int] = []

    def close() -> None:
        closing.set()
        for _ in range(3):
            assert looked.acquire(timeout=60)

    connection = Connection(close=close)

    def look() -> float:
        if threading.current_thread().name == "watch" and closing.is_set():
            interrupts.append(connection.interrupts)
            looked.release()
        return monotonic()

    monkeypatch.setattr(bounds, "time", SimpleNamespace(monotonic=look))
    with bounded_time(connection, Clock(0.01), tidy):
        assert connection.heard.wait(60)
    assert connection.interrupts == interrupts[-1]
    assert interrupts[-3:] == 3 * interrupts[-1:]


def test_signal_handlers_are_restored_and_not_set_in_a_thread() -> None:
    before = signal.getsignal(signal.SIGTERM)
    descriptors = open_files()
    handlers: list[object] = []

    def run() -> None:
        with bounded_time(Connection(), Clock(None), tidy):
            handlers.append(signal.getsignal(signal.SIGTERM))

    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler, before]
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1
    assert open_files() == descriptors


@pytest.mark.parametrize(
    ("reason", "message", "code"),
    [(UsageError("it is late", "ask less"), "it is late. Ask less", 2), (None, "interrupted", 130)],
)
def test_an_interrupted_process_prints_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reason: UsageError | None,
    message: str,
    code: int,
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    bounds._leave(reason)
    assert (capsys.readouterr().err, codes) == (f"rollcall: {message}\n", [code])


def test_memory_is_never_allowed_more_than_before() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded_memory(1 << 14):
        within = resource.getrlimit(resource.RLIMIT_DATA)
        assert (within[0] > 1 << 34, within[1]) == (True, before[1])
        with bounded_memory(1 << 15):
            assert resource.getrlimit(resource.RLIMIT_DATA) == within
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_memory_is_limited_beyond_what_the_process_has() -> None:
    held = bytearray(512 << 20)
    with bounded_memory(256):
        more = bytearray(128 << 20)
        with pytest.raises(MemoryError):
            bytearray(256 << 20)
    assert len(held) > len(more)


def test_the_time_limit_runs_while_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 5.0
    monkeypatch.setattr(bounds, "time", SimpleNamespace(monotonic=lambda: now))
    clock = Clock(2)
    now = 6.5
    assert (clock.left(), Clock(None).left()) == (0.5, math.inf)
