"""Notifications of how a run went, to the channels under `[notify]`: a webhook, a ping, e-mail.

They report every configured connection, even if the run synced only some of them: a run of one connection
must not report success while another one fails. Nothing is sent after a dry run, after wrong arguments, or if
another run is in progress. Nothing is sent after an interruption either: the monitoring service saw the run
start, and raises the alarm because it does not end.

All notifications share one deadline, and contain no secret. If one cannot be delivered, the run warns and
does not fail. docs/decisions/notifications.md says why no library sends them.
"""

import functools
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.common.errors import RunInProgress, SyncError, UsageError
from pipelines.common.text import printable
from pipelines.config.network import certificates
from pipelines.config.resolve import resolve
from pipelines.config.tables import NOTIFY, Settings
from pipelines.monitoring.channels import (
    Notice,
    channels_of,
    check_channels,
    failure_reason,
    ping,
)

Warn = Callable[[str], None]

# A person who typed a wrong argument or started a second run sees the error; nothing published changed.
NOT_STARTED = (UsageError, RunInProgress)


def read_notify(home: Path) -> Settings | None:
    """The settings under `[notify]`; None if there are none. Raises ConfigurationError if they are wrong."""
    from pipelines.config.dlt_runtime import use_home

    use_home(home)
    values = {setting.name: resolve("notify", setting) for setting in NOTIFY}
    if ca_file := values["ca_file"]:
        values["ca_file"] = certificates(home, "[notify]", str(ca_file))
    settings = Settings(values)
    check_channels(settings)
    return settings if channels_of(settings) else None


def send(settings: Settings, notice: Notice, warn: Warn) -> None:
    """Send a notice. `warn` gets a line for each channel that could not deliver it."""
    wanted = notice.event != "success" or settings.text("runs") == "all"
    channels = {
        name: (lambda deliver=deliver: deliver(settings, notice))
        for name, deliver in channels_of(settings).items()
        if wanted or name == "ping"
    }
    _deliver(channels, settings.number("deadline_s"), warn)


class Notices:
    """The notices of one run, to the channels of `[notify]`. `warn` gets a line if its settings are wrong."""

    def __init__(self, home: Path, warn: Warn) -> None:
        self._home = home
        self._warn = warn

    def begin(self) -> None:
        """Ping that the run has started."""
        if self._settings and self._settings.text("ping_url"):
            start = functools.partial(ping, self._settings, "/start", "")
            _deliver({"ping": start}, self._settings.number("deadline_s"), self._warn)

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
    """The subject of a notice: the machine, the home, and `what` happened."""
    return printable(f"Rollcall on {socket.gethostname()}, {home.name}: {what}")


def _deliver(channels: Mapping[str, Callable[[], None]], seconds: float, warn: Warn) -> None:
    """Call all `channels` in parallel. Those that have not finished after `seconds` end with the process."""
    failed: dict[str, str] = {}

    def run(name: str, deliver: Callable[[], None]) -> None:
        try:
            deliver()
        except Exception as error:  # noqa: BLE001 - a notice must not end the run
            failed[name] = failure_reason(error)

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
