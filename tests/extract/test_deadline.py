"""Promise 16: an exchange ends when its time is up, regardless of what the server does."""

import functools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue

import pytest
from urllib3.util import connection as urllib3_connection

from pipelines.common.errors import ProviderError, Transient
from pipelines.config.tables import COMMON
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Connection
from pipelines.extract.deadline import Deadline, _DeadlineThread, ending_after
from pipelines.extract.provider import ListingRequest, Request, Settings, find_providers

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FORKING = """
import os, sys, time
from pipelines.extract.deadline import ending_after
with ending_after(60):
    pass
child = os.fork()
with ending_after(0.01) as watch:
    for _ in range(300):
        if not watch.ended:
            time.sleep(0.01)
if not child:
    os._exit(0 if watch.ended else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or not watch.ended)
"""
Answer = Callable[[socket.socket, threading.Event], None]


def silent(_peer: socket.socket, closing: threading.Event) -> None:
    closing.wait()


def dripping(closing: threading.Event) -> Iterator[None]:
    """Send a byte now and then, for much longer than an exchange may take."""
    for _ in range(150):
        if closing.wait(0.02):
            return
        yield


def drip(peer: socket.socket, closing: threading.Event, start: bytes) -> None:
    peer.sendall(start)
    for _ in dripping(closing):
        peer.sendall(b" ")


def dripping_headers(peer: socket.socket, closing: threading.Event) -> None:
    drip(peer, closing, b"HTTP/1.1 200 OK\r\nX:")


def dripping_body(peer: socket.socket, closing: threading.Event) -> None:
    drip(peer, closing, HEADERS + b"Content-Length: 100000\r\n\r\n[")


def dripping_after_a_whole_value(peer: socket.socket, closing: threading.Event) -> None:
    drip(peer, closing, HEADERS + b"\r\n[]")


def dripping_chunks(peer: socket.socket, closing: threading.Event) -> None:
    peer.sendall(HEADERS + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in dripping(closing):
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
        try:
            yield port
        finally:
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
        with HttpClient(connection, time.monotonic() + 60) as api, pytest.raises(Transient) as failure:
            list(connection.provider.pages(api, ListingRequest(connection.settings)))
    assert str(failure.value) == "projects did not answer completely within 0.2 s after 2 attempts"
    assert (api.traffic.requests, api.traffic.retries) == (2, 1)


def test_promise_16_a_run_past_its_deadline_sends_nothing() -> None:
    connection = connected(1)
    with HttpClient(connection, time.monotonic()) as api, pytest.raises(ProviderError) as failure:
        list(connection.provider.pages(api, ListingRequest(connection.settings)))
    assert failure.value.reason == "the run's deadline has passed"


def test_promise_16_an_exchange_ends_in_time_if_connecting_took_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ends: SimpleQueue[str] = SimpleQueue()

    def drip_until_hung_up(peer: socket.socket, closing: threading.Event) -> None:
        try:
            dripping_body(peer, threading.Event())
            ends.put("it was read to its end")
        except OSError:
            ends.put("it was hung up")

    def connect_late(*args: object, **kwargs: object) -> socket.socket:
        threading.Event().wait(0.3)
        return connect(*args, **kwargs)

    connect = urllib3_connection.create_connection
    monkeypatch.setattr(urllib3_connection, "create_connection", connect_late)
    with served(drip_until_hung_up) as port:
        connection = connected(port, timeout_s=0.2, max_retries=0)
        with HttpClient(connection, time.monotonic() + 60) as api, pytest.raises(Transient) as failure:
            api.get(Request("projects"), len)
        assert ends.get(timeout=60) == "it was hung up"
    assert str(failure.value) == "projects did not answer completely within 0.2 s"


def test_promise_16_large_answers_are_read_one_at_a_time_and_waiting_for_another_is_not_counted() -> None:
    just_small = b"[%s]" % (b" " * ((4 << 20) - 2))
    large = just_small + b" "
    came: list[int] = []
    with (
        served(lambda peer, _: peer.sendall(HEADERS + b"\r\n" + large)) as port,
        served(lambda peer, _: peer.sendall(HEADERS + b"\r\n" + just_small)) as small_port,
        HttpClient(connected(port, timeout_s=0.5, max_retries=0), time.monotonic() + 60) as api,
        HttpClient(connected(small_port), time.monotonic() + 60) as small,
    ):

        def read_first(body: bytes) -> int:
            second.start()
            second.join(0.7)
            assert second.is_alive()
            third.start()
            third.join(30)
            assert came == [len(just_small)]
            return len(body)

        second = threading.Thread(target=lambda: came.append(api.get(Request("second"), len)))
        third = threading.Thread(target=lambda: came.append(small.get(Request("third"), len)))
        assert api.get(Request("first"), read_first) == len(large)
        second.join()
    assert came == [len(just_small), len(large)]


def test_an_earlier_deadline_wakes_the_deadline_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    watchman = _DeadlineThread()
    watchman._wakes_at = 5.0
    woken: list[float] = []
    for ends_at in (6.0, 5.0, 4.0):
        watch = Deadline(60)
        watch.ends_at = ends_at
        monkeypatch.setattr(watchman._sooner, "notify", functools.partial(woken.append, ends_at))
        watchman.add(watch)
    assert woken == [4.0]


def test_time_spent_in_an_exchange_is_not_given_back_after_a_wait() -> None:
    with ending_after(60) as watch, watch.stopped():
        used = 60 - watch.left
        assert 0 < used < 60


def test_a_process_and_its_fork_have_a_deadline_thread_each() -> None:
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=60)
