"""E-mail over TLS, from the first byte or with STARTTLS, to a server with a certificate."""

import asyncio
import contextlib
import datetime
import functools
import ssl
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from pipelines.monitoring.channels import Notice
from pipelines.monitoring.notifications import read_notify, send
from pipelines.sandbox import Sandbox
from tests.support.home import Home, sandbox_settings

from .conftest import Run

USER, PASSWORD = "rollcall", "sword-fish-of-a-test"
SECURITIES = ("starttls", "tls")
pytestmark = [
    pytest.mark.usefixtures("without_dlt"),
    # aiosmtpd does not see that a server speaks TLS from its first byte.
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]
FAILED = Notice("the run failed", ("page 3 broke",), "failure")


class PostOffice:
    """What a mail server received: logins, and messages that were sent over TLS."""

    def __init__(self) -> None:
        self.logins: list[tuple[bytes, bytes]] = []
        self.messages: list[tuple[str, bytes]] = []

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        """Whether the login is correct."""
        assert isinstance(given, LoginPassword)
        self.logins.append((given.login, given.password))
        return AuthResult(success=given == (USER.encode(), PASSWORD.encode()), handled=False)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        """Take a message, and note by which protocol of TLS it came."""
        tls = server.transport.get_extra_info("ssl_object")
        self.messages.append((tls.version(), envelope.content))
        return "250 taken"


@contextlib.contextmanager
def mail_server(security: str, certificate: trustme.LeafCert) -> Iterator[tuple[PostOffice, int]]:
    """A mail server on loopback that requires TLS and a login, and its port."""
    office = PostOffice()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    speak = functools.partial(
        SMTP,
        office,
        authenticator=office.authenticate,
        auth_required=True,
        auth_require_tls=security == "starttls",
        tls_context=context if security == "starttls" else None,
        require_starttls=security == "starttls",
        loop=(loop := asyncio.new_event_loop()),
    )
    listening = loop.create_server(speak, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield office, server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def configure(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`configure(security, port)`: mail goes there, and the machine trusts the authority."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")

    def set_variables(security: str, port: int, **settings: str) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        mail = {
            "EMAIL_TO": "operator@example.com",
            "EMAIL_FROM": "rollcall@example.com",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
            "SMTP_SECURITY": security,
            "SMTP_USER": USER,
            "SMTP_PASSWORD": PASSWORD,
        }
        for key, value in (mail | settings).items():
            monkeypatch.setenv(f"NOTIFY__{key}", value)

    return set_variables


def warnings_of(home: Home) -> list[str]:
    """The warnings of a failed run that sends a notice."""
    settings, warnings = read_notify(home.path), []
    assert settings is not None
    send(settings, FAILED, warnings.append)
    return warnings


@pytest.mark.parametrize("security", SECURITIES)
def test_mail_is_sent_over_tls(
    security: str, home: Home, authority: trustme.CA, configure: Callable[..., None]
) -> None:
    with mail_server(security, authority.issue_cert("127.0.0.1")) as (office, port):
        configure(security, port)
        assert warnings_of(home) == []
    assert office.logins == [(USER.encode(), PASSWORD.encode())]
    ((tls, content),) = office.messages
    message = message_from_bytes(content)
    assert (tls[:5], message["Subject"], message["To"]) == (
        "TLSv1",
        "the run failed",
        "operator@example.com",
    )
    assert message.get_payload().strip() == "page 3 broke"
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    assert message["Message-ID"].endswith("@example.com>")


def of_another_host(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("mail.example.com")


def expired(authority: trustme.CA) -> trustme.LeafCert:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return authority.issue_cert("127.0.0.1", not_before=past, not_after=past + datetime.timedelta(days=30))


def of_an_unknown_authority(_authority: trustme.CA) -> trustme.LeafCert:
    return trustme.CA().issue_cert("127.0.0.1")


@pytest.mark.parametrize("security", SECURITIES)
@pytest.mark.parametrize("wrong", [of_another_host, expired, of_an_unknown_authority])
def test_a_wrong_certificate_is_refused_before_the_login(
    security: str,
    wrong: Callable[[trustme.CA], trustme.LeafCert],
    home: Home,
    authority: trustme.CA,
    configure: Callable[..., None],
) -> None:
    with mail_server(security, wrong(authority)) as (office, port):
        configure(security, port)
        warnings = warnings_of(home)
    assert warnings == ["the e-mail notice was not delivered: the certificate was not accepted"]
    assert (office.logins, office.messages) == ([], [])


@pytest.mark.parametrize("security", SECURITIES)
def test_a_refused_login_is_reported_without_the_password(
    security: str,
    home: Home,
    run: Run,
    sandbox: Sandbox,
    authority: trustme.CA,
    configure: Callable[..., None],
) -> None:
    home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
    home.connect(
        "matter", **sandbox_settings(sandbox)["matter"] | {"access_token": "refused-token-of-a-test"}
    )
    wrong = "a-wrong-password-of-a-test"
    with mail_server(security, authority.issue_cert("127.0.0.1")) as (office, port):
        configure(security, port, SMTP_PASSWORD=wrong)
        result = run("sync", code=3)
        doctor = run("doctor", "belltastic", "--send-notice", code=2)
    line = "the e-mail notice was not delivered: the login was refused: see smtp_user and smtp_password"
    assert f"rollcall: {line}\n" in result.stderr
    assert line in doctor.stdout
    assert (USER.encode(), wrong.encode()) in office.logins
    assert office.messages == []
    logs = "".join(path.read_text() for path in (home.path / "logs").iterdir())
    assert f"warning: {line}" in logs
    for text in (result.output, doctor.output, logs):
        assert wrong not in text


def test_tls_at_a_port_without_it_is_reported(
    home: Home, authority: trustme.CA, configure: Callable[..., None]
) -> None:
    with mail_server("starttls", authority.issue_cert("127.0.0.1")) as (office, port):
        configure("tls", port)
        warnings = warnings_of(home)
    assert warnings == [
        "the e-mail notice was not delivered: no TLS at that port: see smtp_security and smtp_port"
    ]
    assert office.logins == []
