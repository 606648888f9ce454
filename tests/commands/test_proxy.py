"""`proxy` of a connection and of `[notify]`: every request goes through the proxy."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipelines.common.errors import ConfigurationError, Transient
from pipelines.config.network import PROXY_CREDENTIALS
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import load_connections
from pipelines.extract.provider import Request
from pipelines.monitoring.channels import Notice
from pipelines.monitoring.notifications import read_notify, send
from tests.campaigns.play import land_directly
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback
from tests.support.scripted import scripted

NOWHERE = "http://127.0.0.1:9"  # nothing listens there
NOTICE = Notice("subject", ("line",), "failure")


def test_a_connection_uses_its_proxy(home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)
    proxy = loopback.serve("bells", Answer([{"id": 1, "name": "Great Tom"}])).removesuffix("/bells")
    home.connect("belltastic", base_url=f"{NOWHERE}/bells", api_token="user_1", proxy=proxy)
    assert home.run().exit_code == 0
    (asked,) = loopback.asked["bells"]
    assert asked.headers["Host"] == "127.0.0.1:9"
    assert home.rows("select name from projects") == [{"name": "Great Tom"}]


def test_notices_go_through_their_proxy(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = loopback.serve("hook", Answer("ok")).removesuffix("/hook")
    monkeypatch.setenv("NOTIFY__WEBHOOK", f"{NOWHERE}/hook/T0")
    warnings: list[str] = []
    for given, asked in ((proxy, 1), (NOWHERE, 1)):
        monkeypatch.setenv("NOTIFY__PROXY", given)
        settings = read_notify(home.path)
        assert settings is not None
        send(settings, NOTICE, warnings.append)
        assert [one.path for one in loopback.asked["hook"]] == asked * ["T0"]
    assert warnings == ["the webhook notice was not delivered: no connection to the proxy"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            f"Tunnel connection failed: 407 Proxy Authentication Required: {PROXY_CREDENTIALS}",
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            "Tunnel connection failed: 502 Bad Gateway: check proxy of bells",
        ),
        (b"SSH-2.0-OpenSSH_9\r\n", "the answer is not HTTP (SSH-2.0-OpenSSH_9): check proxy of bells"),
        (b"", "Remote end closed connection without response: check proxy of bells"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "the connection ended within TLS: check proxy of bells"),
    ],
)
def test_a_failure_names_the_proxy_and_what_to_do_about_it(answer: bytes, failure: str) -> None:
    with raw_server(answer) as port:
        proxy = f"http://127.0.0.1:{port}"
        given = {
            "base_url": "https://bells.example/api",
            "api_token": "user_1",
            "proxy": proxy,
            "max_retries": 0,
        }
        connection = scripted("bells", "belltastic", **given)
        with HttpClient(connection, time.monotonic() + 600) as api, pytest.raises(Transient) as caught:
            api.get(Request("projects"), bytes)
    assert str(caught.value) == f"projects through {proxy} failed: {failure}"


@contextmanager
def raw_server(answer: bytes) -> Iterator[int]:
    """A server that answers the first request with these bytes and hangs up; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("proxy", "reason"),
    [
        ("proxy.example.com:3128", "is not a URL of a proxy"),
        ("http://", "is not a URL of a proxy"),
        ("http://host:port", "is not a URL of a proxy"),
        ("http://host :3128", "is not a URL of a proxy"),
        ("http://host:3128#part", "is not a URL of a proxy"),
        ("socks5://host:1080", "is not a URL of a proxy"),
        ("http://me:swordfish@host:3128", "contains credentials"),
    ],
)
def test_a_value_that_is_not_a_proxy_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, proxy: str, reason: str
) -> None:
    home.connect("belltastic", api_token="user_1", proxy=proxy)
    with pytest.raises(ConfigurationError, match=f"^proxy of belltastic {reason}: ") as caught:
        load_connections(home.path)
    assert "swordfish" not in str(caught.value)
    monkeypatch.setenv("NOTIFY__PING_URL", "https://example.com")
    monkeypatch.setenv("NOTIFY__PROXY", proxy)
    with pytest.raises(ConfigurationError, match=rf"^proxy of \[notify\] {reason}: "):
        read_notify(home.path)
