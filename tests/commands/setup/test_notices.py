"""Notices of a run: which are sent, what they say, that they contain no secret and never fail a run."""

import json
import re
import socketserver
import threading
from collections.abc import Iterator

import pytest

from pipelines.cli import sync_session as watch
from pipelines.commands.sync import Observer
from pipelines.common.errors import ConfigurationError
from pipelines.monitoring.channels import Notice
from pipelines.monitoring.notifications import Notices, _deliver, read_notify, send
from pipelines.sandbox import Fault, Sandbox
from pipelines.warehouse.lock import locked
from tests.support.home import Home, sandbox_settings
from tests.support.loopback import Answer, Asked, Loopback

from .conftest import Run

pytestmark = pytest.mark.usefixtures("light")  # a notice contains no published projects


@pytest.fixture
def matter(home: Home, sandbox: Sandbox) -> str:
    """The only connection of the home, and its secret."""
    settings = sandbox_settings(sandbox)["matter"]
    home.connect("matter", **settings, max_retries=0)
    return str(settings["access_token"])


@pytest.fixture
def sent(home: Home, matter: str, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """The requests that the webhook and the ping of the home receive."""
    asked: list[Asked] = []

    def take(request: Asked) -> Answer:
        asked.append(request)
        return Answer("ok")

    url = loopback.serve("notices", take)
    monkeypatch.setenv("NOTIFY__WEBHOOK", f"{url}/services/T0/B0/k3y")
    monkeypatch.setenv("NOTIFY__PING_URL", f"{url}/ping/uuid?create=1")
    return asked


def test_a_failed_listing_is_reported_with_its_facts(
    run: Run, sent: list[Asked], sandbox: Sandbox, matter: str
) -> None:
    sandbox.faults.add(
        Fault("matter", times=None, status=403, body=f'{{"m": "<!channel> {matter}"}}'.encode())
    )
    run("sync", code=3)
    assert sorted(asked.path for asked in sent) == ["ping/uuid/fail", "ping/uuid/start", "services/T0/B0/k3y"]
    bodies = {asked.path: asked.body.decode() for asked in sent}
    slack = json.loads(bodies["services/T0/B0/k3y"])["text"]
    assert slack.startswith(":rotating_light: Rollcall on ")
    for text in (slack, bodies["ping/uuid/fail"]):
        assert "matter failed: page 1: projects/get answered 403" in text
        assert "When this is fixed, run: rollcall sync matter" in text
        assert matter not in text
        assert "k3y" not in text


def test_a_run_that_could_not_be_published_is_reported(
    run: Run, home: Home, sent: list[Asked], matter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.connect(
        "matter", base_url="https://matter.example.com/connect/v2", access_token=matter, page_size=101
    )
    run("sync", code=2)
    fail = next(asked.body.decode() for asked in sent if asked.path == "ping/uuid/fail")
    assert "the run failed\npage_size of matter is 101: set it to a number from 1 to 100\n" in fail

    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError(f"with {matter} in hand")

    sent.clear()
    monkeypatch.setattr(watch, "sync", break_down)
    home.connect("matter", base_url="https://matter.example.com/connect/v2", access_token=matter)
    run("sync", code=1)
    texts = [asked.body.decode() for asked in sent]
    assert any("internal error (RuntimeError): see the log" in text for text in texts)
    assert not any(matter in text for text in texts)
    log = max((home.path / "logs").iterdir())
    assert "RuntimeError: with *** in hand" in log.read_text()


def test_a_published_run_stays_published_if_its_exports_fail(
    run: Run, home: Home, sent: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("broken exports")

    monkeypatch.setattr("pipelines.commands.export_all.export_all", break_down)
    shown = run("sync", "--export")
    assert (
        "Note: the export failed: internal error (RuntimeError). To see it, run: rollcall export --all\n"
    ) in shown.stdout
    assert [asked.path for asked in sent] == ["ping/uuid/start", "ping/uuid"]
    log = max((home.path / "logs").iterdir()).read_text()
    assert "Traceback (most recent call last):" in log
    assert "RuntimeError: broken exports" in log


def test_a_second_run_sends_no_notice(run: Run, home: Home, sent: list[Asked]) -> None:
    with locked(home.warehouse):
        run("sync", code=5)
    assert sent == []


def test_a_wrong_argument_sends_no_notice(run: Run, sent: list[Asked]) -> None:
    run("sync")
    sent.clear()
    run("sync", "mater", code=2)
    run("sync", "--accept-removals", "mater=3", code=2)
    assert sent == []


def test_an_interrupted_run_leaves_its_end_open(
    run: Run, sent: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, observer: Observer, **__: object) -> None:
        observer.begun()
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "sync", interrupted)
    run("sync", code=130)
    assert [asked.path for asked in sent] == ["ping/uuid/start"]


def test_a_run_of_one_connection_reports_how_the_others_stand(
    run: Run, home: Home, sent: list[Asked], sandbox: Sandbox, matter: str
) -> None:
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])

    def ends(*arguments: str, code: int = 0) -> dict[str, str]:
        sent.clear()
        run("sync", *arguments, code=code)
        return {asked.path: asked.body.decode() for asked in sent if asked.path != "ping/uuid/start"}

    never = ends("matter")
    assert "belltastic was not in this run, and has never been synced" in never["ping/uuid/fail"]
    assert list(ends()) == ["ping/uuid"]
    sandbox.faults.add(Fault("belltastic", times=1, status=403, body=f"<b>{matter}".encode()))
    ends("belltastic", code=3)
    failing = ends("matter")
    assert sorted(failing) == ["ping/uuid/fail", "services/T0/B0/k3y"]
    for text in failing.values():
        assert "the run was published, other connections are not verified" in text
        assert re.search(
            r"belltastic was not in this run; "
            r"its last attempt, \d{4}-\d\d-\d\d \d\d:\d\d UTC: failed: page 1:",
            text,
        )
        assert matter not in text
    assert list(ends("belltastic")) == ["ping/uuid"]
    assert list(ends("matter")) == ["ping/uuid"]


def test_a_test_notice_reaches_every_channel_without_an_alarm(run: Run, sent: list[Asked]) -> None:
    run("doctor", "--send-notice")
    bodies = {asked.path: asked.body.decode() for asked in sent}
    assert sorted(bodies) == ["ping/uuid/log", "services/T0/B0/k3y"]
    assert json.loads(bodies["services/T0/B0/k3y"])["text"].startswith(":information_source: Rollcall on ")
    assert all("This is a test: no run has failed." in text for text in bodies.values())


def test_a_verified_run_only_pings_unless_all_are_wanted(
    home: Home, sent: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Notice("done", ("all is well",), "success")
    notices = Notices(home.path, refuse)
    notices.begin()
    notices.end(good)
    assert [(asked.method, asked.path, asked.query, asked.body) for asked in sent] == [
        ("POST", "ping/uuid/start", {"create": "1"}, b""),
        ("POST", "ping/uuid", {"create": "1"}, b"done\nall is well"),
    ]
    monkeypatch.setenv("NOTIFY__RUNS", "all")
    notices = Notices(home.path, refuse)
    notices.begin()
    notices.end(good)
    assert sorted(asked.path for asked in sent[3:]) == ["ping/uuid", "services/T0/B0/k3y"]
    notices.end(Notice("done", ("<!channel> & all",), "success"))
    slack = next(asked.body for asked in sent[5:] if asked.path.startswith("services"))
    assert json.loads(slack) == {"text": ":white_check_mark: done\n&lt;!channel&gt; &amp; all"}


def test_a_notice_without_an_answer_is_abandoned() -> None:
    warnings: list[str] = []
    answered = threading.Event()
    _deliver({"slow": lambda: answered.wait(60) and None}, 0.05, warnings.append)
    waited = not answered.is_set()
    answered.set()
    assert (warnings, waited) == (["the slow notice was not delivered: no answer in time"], True)


def test_a_notice_that_cannot_be_delivered_is_a_warning(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Answer("", 302, {"Location": "http://127.0.0.1:9/elsewhere"})
    warnings: list[str] = []
    monkeypatch.setenv("NOTIFY__WEBHOOK", loopback.serve("moved", elsewhere) + "/k3y")
    monkeypatch.setenv("NOTIFY__PING_URL", loopback.serve("lost", Answer("", 404)) + "/k3y")
    monkeypatch.setenv("NOTIFY__EMAIL_TO", "a@example.com")
    monkeypatch.setenv("NOTIFY__SMTP_PORT", "1")
    settings = read_notify(home.path)
    assert settings is not None
    send(settings, Notice("done", (), "failure"), warnings.append)
    assert sorted(warnings) == [
        "the e-mail notice was not delivered: Connection refused",
        "the ping notice was not delivered: the server answered 404",
        "the webhook notice was not delivered: the server answered 302",
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "WEBHOOK",
            "http://example.com/k3y",
            "webhook of [notify] is not an https URL: copy it again from the service",
        ),
        ("PING_URL", "k3y", "ping_url of [notify] is not an https URL: copy it again from the service"),
        ("RUNS", "some", "runs of [notify] is 'some': set it to one of failed, all"),
        ("SMTP_SECURITY", "ssl", "smtp_security of [notify] is 'ssl': set it to one of starttls, tls, none"),
    ],
)
def test_a_wrong_setting_of_notify_is_a_warning(
    home: Home, monkeypatch: pytest.MonkeyPatch, key: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"NOTIFY__{key}", value)
    warnings: list[str] = []
    notices = Notices(home.path, warnings.append)
    notices.begin()
    notices.end(Notice("done", (), "failure"))
    (warning,) = warnings
    assert warning.startswith(f"cannot send notices: {message}")
    assert "k3y" not in warning


def test_mail_is_not_sent_in_the_open(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY__SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("NOTIFY__SMTP_SECURITY", "none")
    with pytest.raises(ConfigurationError, match="would send e-mail to mail\\.example"):
        read_notify(home.path)


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server that keeps the lines that it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.received: list[str] = []


class _Mail(socketserver.StreamRequestHandler):
    """The part of SMTP that a client without TLS needs."""

    server: MailServer

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        taking = False
        for line in self.rfile:
            self.server.received.append(line.decode().rstrip("\r\n"))
            if taking:
                if line == b".\r\n":
                    taking = False
                    self.wfile.write(b"250 taken\r\n")
            elif line.upper().startswith(b"DATA"):
                taking = True
                self.wfile.write(b"354 go on\r\n")
            elif line.startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_mail_is_sent_only_after_a_failure(
    home: Home, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_mail(monkeypatch, mail, EMAIL_FROM="rollcall@example.com", SMTP_SECURITY="none")
    settings = read_notify(home.path)
    assert settings is not None
    send(settings, Notice("done", (), "success"), refuse)
    assert mail.received == []
    send(settings, Notice("it failed", ("page 3", "broke\x1b[31m"), "failure"), refuse)
    received = mail.received
    assert received[1:4] == [
        "mail FROM:<rollcall@example.com>",
        "rcpt TO:<a@example.com>",
        "rcpt TO:<b@example.com>",
    ]
    assert {"Subject: it failed", "To: a@example.com, b@example.com", "page 3", "broke\\x1b[31m"} <= set(
        received
    )


def test_a_password_is_not_sent_to_a_server_without_tls(
    home: Home, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure_mail(monkeypatch, mail, SMTP_USER="rollcall", SMTP_PASSWORD="swordfish")
    settings, warnings = read_notify(home.path), []
    assert settings is not None
    send(settings, Notice("it failed", (), "failure"), warnings.append)
    assert warnings == ["the e-mail notice was not delivered: the server offers no encryption, or no login"]
    assert [line[:4] for line in mail.received] == ["ehlo", "QUIT"]


def configure_mail(monkeypatch: pytest.MonkeyPatch, mail: MailServer, **settings: str) -> None:
    port = str(mail.server_address[1])
    to = {"EMAIL_TO": "a@example.com, b@example.com", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": port}
    for key, value in (to | settings).items():
        monkeypatch.setenv(f"NOTIFY__{key}", value)


def refuse(warning: str) -> None:
    raise AssertionError(warning)
