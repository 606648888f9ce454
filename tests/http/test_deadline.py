"""Promise 16: an exchange ends when its time is up, whatever the server does."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipelines.api import Api
from pipelines.config import COMMON, Connection
from pipelines.errors import ProviderError, Transient
from pipelines.provider import Ask, Settings, find_providers

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Answer = Callable[[socket.socket, threading.Event], None]


def silent(_peer: socket.socket, closing: threading.Event) -> None:
    closing.wait()


def drip(peer: socket.socket, closing: threading.Event, start: bytes) -> None:
    peer.sendall(start)
    while not closing.wait(0.02):
        peer.sendall(b" ")


def dripping_headers(peer: socket.socket, closing: threading.Event) -> None:
    drip(peer, closing, b"HTTP/1.1 200 OK\r\nX:")


def dripping_body(peer: socket.socket, closing: threading.Event) -> None:
    drip(peer, closing, HEADERS + b"Content-Length: 100000\r\n\r\n[")


def dripping_after_a_whole_value(peer: socket.socket, closing: threading.Event) -> None:
    drip(peer, closing, HEADERS + b"\r\n[]")


def dripping_chunks(peer: socket.socket, closing: threading.Event) -> None:
    peer.sendall(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n")
    while not closing.wait(0.02):
        peer.sendall(b"1\r\n[\r\n")


@contextmanager
def served(answer: Answer) -> Iterator[int]:
    closing = threading.Event()

    def serve() -> None:
        while True:
            peer, _ = listener.accept()
            if closing.is_set():
                peer.close()
                return
            threads.append(threading.Thread(target=serve_one, args=(peer,)))
            threads[-1].start()

    def serve_one(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            peer.recv(65536)
            answer(peer, closing)

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        acceptor = threading.Thread(target=serve)
        acceptor.start()
        yield port
        closing.set()
        socket.create_connection(("127.0.0.1", port)).close()
        for thread in (acceptor, *threads):
            thread.join()


def connected(port: int, **settings: object) -> Connection:
    provider = find_providers(Path())["belltastic"]
    defaults = {setting.name: setting.default for setting in (*COMMON, *provider.settings)}
    given = {"api_token": "user_secret", "base_url": f"http://127.0.0.1:{port}", "retry_wait_s": 0.0}
    return Connection("belltastic", "belltastic", provider, Settings(defaults | given | settings))


@pytest.mark.parametrize(
    "answer", [silent, dripping_headers, dripping_body, dripping_after_a_whole_value, dripping_chunks]
)
def test_promise_16_an_exchange_ends_in_time(answer: Answer) -> None:
    with served(answer) as port:
        connection = connected(port, timeout_s=0.2, max_retries=1)
        with Api(connection, time.monotonic() + 60) as api, pytest.raises(Transient) as failure:
            list(connection.provider.pages(api, Ask(connection.settings)))
    assert str(failure.value) == "projects gave no whole answer within 0.2 s"
    assert (api.traffic.requests, api.traffic.retries) == (2, 1)


def test_promise_16_a_night_past_its_deadline_sends_nothing() -> None:
    connection = connected(1)
    with Api(connection, time.monotonic()) as api, pytest.raises(ProviderError) as failure:
        list(connection.provider.pages(api, Ask(connection.settings)))
    assert failure.value.reason == "the night's deadline has passed"
