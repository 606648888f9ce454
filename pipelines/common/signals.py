"""Ending a run at once on a signal.

A run can be killed at any moment without harm, so nothing is unwound: threads that wait for a provider,
and dlt's own handling of signals, would only keep the operator waiting.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], object]


@contextlib.contextmanager
def ending_at_once(tidy: Callable[[], None]) -> Iterator[None]:
    """On SIGINT or SIGTERM, run `tidy`, print a line and exit with 128 + the signal, even if threads run."""
    with pipe() as (reader, writer):
        thread = threading.Thread(target=_wait_for_signal, args=(reader, tidy), name="signals", daemon=True)
        thread.start()
        try:
            with signals_written_to(writer, dict.fromkeys(ENDING, _left_to_the_thread)):
                yield
        finally:
            os.write(writer, b"\0")
            thread.join()


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe, to read from and to write to; writing never waits."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def signals_written_to(writer: int, handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Let the interpreter write each signal's number to a pipe at once, even if the main thread is held up.

    Meanwhile, these handlers replace those of their signals. Outside the main thread nothing is written: only
    that may set signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_writer)


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Restore this process's signal handlers after the block, in which a library sets its own."""
    handlers = {number: signal.getsignal(number) for number in ENDING}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _left_to_the_thread(*_: object) -> None:
    """Do nothing: a signal without a Python handler is not written to the pipe."""


def _wait_for_signal(reader: int, tidy: Callable[[], None]) -> None:
    """Wait for a signal that ends the run, or for a zero byte."""
    while number := os.read(reader, 1)[0]:
        if number in ENDING:
            tidy()
            # Not through sys.stderr: a display that is being drawn may hold it.
            os.write(2, b"rollcall: interrupted; the published warehouse is unchanged\n")
            os._exit(128 + number)
