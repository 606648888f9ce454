"""The channels of notifications: a webhook in Slack's format, a ping in healthchecks.io's, and e-mail."""

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime, make_msgid, parseaddr
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import requests

from pipelines.common.errors import ConfigurationError
from pipelines.common.text import printable
from pipelines.config.network import check_proxy, is_loopback, proxies
from pipelines.config.tables import Settings

Event = Literal["success", "failure", "test"]

PORTS = {"starttls": 587, "tls": 465, "none": 25}
LONGEST_TEXT = 3000

# What follows the ping's URL. /log does not change the state at the service: a test must neither raise an
# alarm nor report a run.
PINGS: Mapping[Event, str] = {"success": "", "failure": "/fail", "test": "/log"}
MARKS: Mapping[Event, str] = {
    "success": ":white_check_mark:",
    "failure": ":rotating_light:",
    "test": ":information_source:",
}


@dataclass(frozen=True)
class Notice:
    """A subject, a few lines, and the event that they report."""

    subject: str
    lines: tuple[str, ...]
    event: Event

    @property
    def text(self) -> str:
        """The lines, safe to show, up to `LONGEST_TEXT` characters."""
        return "\n".join(printable(line) for line in self.lines)[:LONGEST_TEXT]


def check_channels(settings: Settings) -> None:
    """Raise ConfigurationError if a channel is configured wrongly, or would send without encryption."""
    for name in ("webhook", "ping_url"):
        parts = urlsplit(settings.text(name))
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if settings.text(name) and not (safe and parts.hostname):
            raise ConfigurationError(
                f"{name} of [notify] is not an https URL", "copy it again from the service"
            )
    check_proxy("[notify]", settings.text("proxy"))
    for name, allowed in (("smtp_security", tuple(PORTS)), ("runs", ("failed", "all"))):
        if settings.text(name) not in allowed:
            raise ConfigurationError(
                f"{name} of [notify] is {settings.text(name)!r}", f"set it to one of {', '.join(allowed)}"
            )
    if settings.text("smtp_security") == "none" and not is_loopback(settings.text("smtp_host")):
        raise ConfigurationError(
            f"[notify] would send e-mail to {settings.text('smtp_host')} without encryption",
            'set smtp_security = "starttls" or "tls"',
        )


def channels_of(settings: Settings) -> dict[str, Callable[[Settings, Notice], None]]:
    """The functions that send a notice, by the name of each configured channel."""
    channels: dict[str, Callable[[Settings, Notice], None]] = {}
    if settings.text("webhook"):
        channels["webhook"] = _post_webhook
    if settings.text("ping_url"):
        channels["ping"] = _ping_end
    if settings.texts("email_to"):
        channels["e-mail"] = _mail
    return channels


def _post_webhook(settings: Settings, notice: Notice) -> None:
    text = f"{notice.subject}\n{notice.text}"
    # These three are how Slack's text names channels and links, such as <!channel>.
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    _post(
        settings.text("webhook"),
        settings,
        json={"text": f"{MARKS[notice.event]} {text}"},
    )


def _ping_end(settings: Settings, notice: Notice) -> None:
    ping(settings, PINGS[notice.event], f"{notice.subject}\n{notice.text}")


def ping(settings: Settings, event: str, text: str) -> None:
    """Call the ping's URL with `event` after it, and send the text."""
    parts = urlsplit(settings.text("ping_url"))
    url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + event))
    _post(url, settings, data=text.encode())


class _Rejected(Exception):
    """A service rejected a notice."""


def _post(url: str, settings: Settings, **body: object) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            "POST",
            url,
            data=body.get("data"),  # type: ignore[arg-type] # bytes or None
            json=body.get("json"),
            timeout=settings.number("deadline_s"),
            allow_redirects=False,
            stream=True,
            verify=settings.text("ca_file") or True,
            proxies=proxies(settings),
        )
        with contextlib.closing(answer):
            if not answer.ok or answer.is_redirect:
                raise _Rejected(f"the server answered {answer.status_code}")


def _mail(settings: Settings, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"] = notice.subject
    message["From"] = settings.text("email_from") or f"rollcall@{socket.getfqdn()}"
    message["To"] = ", ".join(settings.texts("email_to"))
    # A mail server does not have to add these, and spam filters distrust a message without them.
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=_domain_of(message["From"]))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text + "\n")
    security, host = settings.text("smtp_security"), settings.text("smtp_host")
    port = settings.integer("smtp_port") or PORTS[security]
    seconds = settings.number("deadline_s")
    context = ssl.create_default_context(cafile=settings.text("ca_file") or None)
    with (
        smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
        if security == "tls"
        else smtplib.SMTP(host, port, timeout=seconds) as server
    ):
        if security == "starttls":
            server.starttls(context=context)
        if settings.text("smtp_user"):
            server.login(settings.text("smtp_user"), settings.text("smtp_password"))
        server.send_message(message)


def _domain_of(sender: str) -> str:
    _, address = parseaddr(sender)
    return address.rpartition("@")[2]


_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((requests.exceptions.ProxyError,), "no connection to the proxy"),
    ((requests.Timeout, TimeoutError), "no answer in time"),
    ((requests.exceptions.SSLError, ssl.SSLCertVerificationError), "the certificate was not accepted"),
    ((ssl.SSLError,), "no TLS at that port: see smtp_security and smtp_port"),
    ((requests.ConnectionError,), "no connection"),
    ((smtplib.SMTPNotSupportedError,), "the server offers no encryption, or no login"),
    ((smtplib.SMTPAuthenticationError,), "the login was refused: see smtp_user and smtp_password"),
)


def failure_reason(error: Exception) -> str:
    """Describe why a notice was not delivered, without the address, which is a secret."""
    if isinstance(error, _Rejected):
        return str(error)
    reason = next((text for kinds, text in _REASONS if isinstance(error, kinds)), None)
    if reason is None and isinstance(error, smtplib.SMTPResponseException):
        reason = f"the server answered {error.smtp_code}"
    return reason or getattr(error, "strerror", None) or type(error).__name__
