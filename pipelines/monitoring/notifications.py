"""Notices of how a run went: a webhook in Slack's form, a ping as healthchecks.io takes it, an e-mail.

They are configured under `[notify]`. They report every configured connection, even if the run synced only
some of them: the ping of a run over one connection must not report success while another one fails. Dry runs,
wrong arguments and runs that another run prevents send nothing. Neither does an interrupted run: the service
alarms because the end of a started run does not arrive.

All notices share one deadline and carry no secret. One that cannot be delivered is a warning, never a failure
of the run. Written here on `requests` and `smtplib`: for three kinds of service, Apprise, which speaks to
over a hundred, is not worth its packages. It follows redirects by default, and limits each connection attempt
and read but not the total: it would need the same deadline around it.
"""

import contextlib
import functools
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime, make_msgid, parseaddr
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import requests

from pipelines.common.errors import ConfigurationError, RunInProgress, SyncError, UsageError
from pipelines.common.text import printable
from pipelines.config.network import certificates, check_proxy, is_loopback, proxies
from pipelines.config.resolve import resolve
from pipelines.config.tables import NOTIFY, Settings

PORTS = {"starttls": 587, "tls": 465, "none": 25}
LONGEST_TEXT = 3000

Say = Callable[[str], None]
Event = Literal["success", "failure", "test"]

# What follows the ping's URL. /log changes no state at the service: a test neither alarms anybody nor reports
# a run that did not run.
PINGS: Mapping[Event, str] = {"success": "", "failure": "/fail", "test": "/log"}
MARKS: Mapping[Event, str] = {
    "success": ":white_check_mark:",
    "failure": ":rotating_light:",
    "test": ":information_source:",
}
# A person who typed a wrong argument or started a second run sees the error; nothing published changed.
NOT_STARTED = (UsageError, RunInProgress)


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


def read_notify(home: Path) -> Settings | None:
    """The settings under `[notify]`; None if there are none. Raises ConfigurationError if they are wrong."""
    from pipelines.config.dlt_runtime import use_home

    use_home(home)
    values = {setting.name: resolve("notify", setting) for setting in NOTIFY}
    if ca_file := values["ca_file"]:
        values["ca_file"] = certificates(home, "[notify]", str(ca_file))
    settings = Settings(values)
    _check(settings)
    return settings if _channels(settings) else None


def send(settings: Settings, notice: Notice, warn: Say) -> None:
    """Send a notice. `warn` gets a line for each channel that could not deliver it."""
    wanted = notice.event != "success" or settings.text("runs") == "all"
    channels = {
        name: (lambda deliver=deliver: deliver(settings, notice))
        for name, deliver in _channels(settings).items()
        if wanted or name == "ping"
    }
    _deliver(channels, settings.number("deadline_s"), warn)


class Notices:
    """The notices of one run, to the channels of `[notify]`. `warn` gets one line if that is wrong."""

    def __init__(self, home: Path, warn: Say) -> None:
        self._home = home
        self._warn = warn

    def begin(self) -> None:
        """Ping that the run has started."""
        if self._settings and self._settings.text("ping_url"):
            ping = functools.partial(_ping, self._settings, "/start", "")
            _deliver({"ping": ping}, self._settings.number("deadline_s"), self._warn)

    def fail(self, error: Exception) -> None:
        """Report a run that published nothing, if it started."""
        if not isinstance(error, NOT_STARTED):
            self.end(failure_notice(self._home, error))

    def end(self, notice: Notice) -> None:
        """Report how the run ended."""
        if self._settings:
            send(self._settings, notice, self._warn)

    @functools.cached_property
    def _settings(self) -> Settings | None:
        # Read when first needed: this imports dlt, which a run does while it copies the warehouse.
        try:
            return read_notify(self._home)
        except SyncError as error:
            self._warn(f"cannot send notices: {error}")
            return None


def failure_notice(home: Path, error: Exception) -> Notice:
    """The notice of a run that was not published. Only the text of a SyncError is free of secrets."""
    reason = f"internal error ({type(error).__name__}): see the log"
    if isinstance(error, SyncError):
        reason = str(error)
    return Notice(subject(home, "the run failed"), (reason, f"Home: {home}"), "failure")


def subject(home: Path, what: str) -> str:
    """`what`, and where."""
    return printable(f"Rollcall on {socket.gethostname()}, {home.name}: {what}")


def _check(settings: Settings) -> None:
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


def _channels(settings: Settings) -> dict[str, Callable[[Settings, Notice], None]]:
    channels: dict[str, Callable[[Settings, Notice], None]] = {}
    if settings.text("webhook"):
        channels["webhook"] = _post_webhook
    if settings.text("ping_url"):
        channels["ping"] = _ping_end
    if settings.texts("email_to"):
        channels["e-mail"] = _mail
    return channels


def _deliver(channels: Mapping[str, Callable[[], None]], seconds: float, warn: Say) -> None:
    """Run all in parallel. Those that do not finish by the deadline end with the process."""
    failed: dict[str, str] = {}

    def run(name: str, deliver: Callable[[], None]) -> None:
        try:
            deliver()
        except Exception as error:  # noqa: BLE001 - a notice must not end the run
            failed[name] = _why(error)

    threads = {
        name: threading.Thread(target=run, args=(name, deliver), name=f"notice-{name}", daemon=True)
        for name, deliver in channels.items()
    }
    deadline = time.monotonic() + seconds
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            failed[name] = "no answer in time"
    for name, why in failed.items():
        warn(f"the {name} notice was not delivered: {why}")


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
    _ping(settings, PINGS[notice.event], f"{notice.subject}\n{notice.text}")


def _ping(settings: Settings, event: str, text: str) -> None:
    parts = urlsplit(settings.text("ping_url"))
    url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + event))
    _post(url, settings, data=text.encode())


class _NotTaken(Exception):
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
                raise _NotTaken(f"the server answered {answer.status_code}")


def _mail(settings: Settings, notice: Notice) -> None:
    message = EmailMessage()
    message["Subject"] = notice.subject
    message["From"] = settings.text("email_from") or f"rollcall@{socket.getfqdn()}"
    message["To"] = ", ".join(settings.texts("email_to"))
    # Servers that take mail to pass on need not add these, and filters count their absence as a sign of spam.
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


def _why(error: Exception) -> str:
    """Describe the failure without the address, which is a secret."""
    if isinstance(error, _NotTaken):
        return str(error)
    reason = next((text for kinds, text in _REASONS if isinstance(error, kinds)), None)
    if reason is None and isinstance(error, smtplib.SMTPResponseException):
        reason = f"the server answered {error.smtp_code}"
    return reason or getattr(error, "strerror", None) or type(error).__name__
