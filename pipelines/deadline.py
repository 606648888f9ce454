"""A total deadline for one HTTP exchange, which `requests` does not have: its timeouts are per read.

A server that sends a byte now and then never times out. Here the socket of an exchange is shut down when its
time is up, wherever the exchange stands; what waits for it then fails at once.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

_exchange = threading.local()


class Watch:
    """Over one exchange: the socket it goes by, and whether its time was up before its end."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.ended = False

    def end(self) -> None:
        """Shut the socket down; whatever waits for it fails."""
        self.ended = True
        if self.socket is not None:
            with contextlib.suppress(OSError):  # the peer, or the exchange itself, was first
                self.socket.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def ending_after(seconds: float) -> Iterator[Watch]:
    """Shut down the socket of the exchange that this thread makes in the block, once `seconds` are over."""
    watch = _exchange.watch = Watch()
    timer = threading.Timer(seconds, watch.end)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()
        _exchange.watch = None


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        _expose(self.sock)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        _expose(self.sock)
        return super().getresponse()


def _expose(connected: socket.socket | None) -> None:
    """Let the watch of this thread's exchange know its socket; from here on the answer is waited for."""
    if (watch := getattr(_exchange, "watch", None)) is not None:
        watch.socket = connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """`requests`' adapter, with connections that `ending_after` can end."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the watched pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
