"""Ending a run at once on a signal.

A run can be killed at any moment without harm, so nothing is unwound: threads that wait for a provider,
and dlt's own handling of signals, would only keep the operator waiting.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def ending_at_once(tidy: Callable[[], None]) -> Iterator[None]:
    """On SIGINT or SIGTERM, run `tidy`, print a line and exit with 128 + the signal, even if threads run."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # The interpreter writes each signal's number here at once, even while the main thread is held up.
    previous_writer = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    previous = {number: signal.signal(number, _left_to_the_thread) for number in ENDING}
    thread = threading.Thread(target=_wait_for_signal, args=(reader, tidy), name="signals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(previous_writer)
        os.close(writer)
        thread.join()
        os.close(reader)


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
    while received := os.read(reader, 1):
        if received[0] in ENDING:
            tidy()
            # Not through sys.stderr: a display that is being drawn may hold it.
            os.write(2, b"rollcall: interrupted; the published warehouse is unchanged\n")
            os._exit(128 + received[0])
