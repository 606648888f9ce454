"""`proxy` of a connection and of `[notify]`: every request goes through the proxy."""

import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.extract.connections import load_connections
from pipelines.monitoring.channels import Notice
from pipelines.monitoring.notifications import read_notify, send
from tests.campaigns.play import land_directly
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

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
    ("proxy", "reason"),
    [
        ("proxy.example.com:3128", "is not a URL of a proxy"),
        ("http://", "is not a URL of a proxy"),
        ("http://host:port", "is not a URL of a proxy"),
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
