"""A total deadline for one HTTP exchange, which `requests` does not have: its timeouts are per read.

A server that sends a byte now and then never reaches such a timeout. Here, the socket of an exchange is shut
down at the deadline, in any state, so that everything that waits for it fails at once.
"""

import contextlib
import http.client
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_exchange = threading.local()


class Deadline:
    """The deadline of one exchange: its remaining time, its socket, and whether it expired."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self.ends_at = math.inf
        self.socket: socket.socket | None = None
        self.ended = False

    def start(self) -> None:
        """Start the countdown."""
        self.ends_at = time.monotonic() + self.left
        _deadline_thread().add(self)

    def stop(self) -> None:
        """Stop the countdown."""
        _deadline_thread().discard(self)
        self.left = self.ends_at - time.monotonic()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the countdown in the block, which does not wait for the server."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def end(self) -> None:
        """Shut down the socket, so that everything that waits for it fails."""
        self.ended = True
        if self.socket is not None:
            with contextlib.suppress(OSError):  # the peer or the exchange has closed it already
                self.socket.shutdown(socket.SHUT_RDWR)


class _DeadlineThread(threading.Thread):
    """Ends expired exchanges. One thread serves all: a thread costs more than most exchanges."""

    def __init__(self) -> None:
        super().__init__(name="deadlines", daemon=True)
        self._deadlines: set[Deadline] = set()
        self._wakes_at = math.inf
        self._sooner = threading.Condition()

    def add(self, deadline: Deadline) -> None:
        with self._sooner:
            self._deadlines.add(deadline)
            if deadline.ends_at < self._wakes_at:
                self._sooner.notify()

    def discard(self, deadline: Deadline) -> None:
        with self._sooner:
            self._deadlines.discard(deadline)

    def run(self) -> None:
        with self._sooner:
            while True:
                now = time.monotonic()
                for deadline in [deadline for deadline in self._deadlines if deadline.ends_at <= now]:
                    self._deadlines.discard(deadline)
                    deadline.end()
                self._wakes_at = min((deadline.ends_at for deadline in self._deadlines), default=math.inf)
                self._sooner.wait(min(self._wakes_at - now, threading.TIMEOUT_MAX))


_threads: list[_DeadlineThread] = []
_start_lock = threading.Lock()


def _deadline_thread() -> _DeadlineThread:
    """The thread of this process; starts it if there is none, as in a forked process."""
    with _start_lock:
        thread = next((one for one in _threads if one.is_alive()), None)
        if thread is None:
            thread = _DeadlineThread()
            _threads[:] = [thread]
            thread.start()
        return thread


@contextlib.contextmanager
def ending_after(seconds: float) -> Iterator[Deadline]:
    """Shut down the socket of this thread's exchange in the block after `seconds`."""
    deadline = _exchange.deadline = Deadline(seconds)
    deadline.start()
    try:
        yield deadline
    finally:
        deadline.stop()
        del _exchange.deadline


class _FinalResponse(http.client.HTTPResponse):
    """The final answer, after any number of interim ones such as 103 (Early Hints).

    RFC 9110, section 15.2, requires clients to accept these; `http.client` skips only 100 (Continue).
    """

    def begin(self) -> None:
        """Read status lines and headers up to those of the final answer."""
        super().begin()
        while 100 <= self.status < 200 and self.status != http.client.SWITCHING_PROTOCOLS:
            self.headers = cast("http.client.HTTPMessage", None)  # else nothing more would be read
            super().begin()


class _Connection(HTTPConnection):
    response_class = _FinalResponse

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        _expose(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    response_class = _FinalResponse

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        _expose(self.sock)
        return super().getresponse()


def _expose(connected: socket.socket | None) -> None:
    """Pass the socket to the deadline of this thread's exchange, before waiting for the answer."""
    deadline: Deadline = _exchange.deadline
    deadline.socket = connected
    if deadline.ended:  # the deadline passed while it was being connected
        deadline.end()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """`requests`' adapter for exchanges that `ending_after` limits."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the pools whose sockets a deadline can shut down."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
