"""`rollcall doctor`: checks everything that a run needs, without starting one.

Takes the lock and removes the scratch directories of dead runs, as a run does, and changes nothing else.
Continues with the published file in a draft, and reads one page of each listing, with the same code as a run.
"""

import os
import shlex
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import duckdb
import requests
from requests.auth import AuthBase

from pipelines.commands.export import find_reports, read_report
from pipelines.commands.first_run import refuse_lost
from pipelines.common.database import open_database
from pipelines.common.errors import (
    AccessRefused,
    ConfigurationError,
    ProviderError,
    RunInProgress,
    SyncError,
)
from pipelines.common.exit_codes import ExitCode
from pipelines.common.filesystem import elsewhere, free_bytes, probe, space_left, space_needed
from pipelines.common.limits import Clock
from pipelines.config.resolve import how_to_set, resolve
from pipelines.config.settings import (
    display_time_zone,
    logs_path,
    memory_mb,
    previous_kept,
    textfile_path,
    warehouse_access,
    warehouse_path,
)
from pipelines.config.tables import COMMON
from pipelines.config.unknown import find_unknown
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Configured, Connection, listing_name, make_connection, read_tables
from pipelines.extract.provider import ListingRequest, Setting, Settings
from pipelines.extract.records import read_record
from pipelines.monitoring.channels import Notice
from pipelines.monitoring.notifications import read_notify, send, subject
from pipelines.transform import build as models
from pipelines.transform.facts import facts_sql
from pipelines.warehouse.draft import open_draft
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path
from pipelines.warehouse.published import open_published
from pipelines.warehouse.reader import Warehouse, open_warehouse
from pipelines.warehouse.store import Store, find_store

DEADLINE_S = 60.0
TIMEOUT_S = 30.0
LARGEST_CLOCK_ERROR_S = 300.0
ELSEWHERE = f"or {elsewhere()}"

Outcome = Literal["ok", "warning", "failed"]

_AS_A_RUN_MEETS_THEM = (
    ExitCode.USAGE,
    ExitCode.BUSY,
    ExitCode.INTERNAL,
    ExitCode.REFUSED,
    ExitCode.PARTIAL,
)


@dataclass(frozen=True)
class Check:
    """One check: its outcome, the remedies if it failed, and the exit code of a run that meets it."""

    name: str
    outcome: Outcome
    message: str
    remedies: tuple[str, ...] = ()
    exit_code: ExitCode = ExitCode.DONE


@dataclass(frozen=True)
class Examination:
    """All checks, in order."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> ExitCode:
        """What a run would exit with: that of the failure that it would meet first."""
        found = {check.exit_code for check in self.checks}
        return next((code for code in _AS_A_RUN_MEETS_THEM if code in found), ExitCode.DONE)


def doctor(home: Path, names: Sequence[str] = (), *, send_notice: bool = False) -> Examination:
    """Check everything that a run over all connections, or those named, needs.

    `send_notice` sends a test notice to every channel. Raises UsageError if a name is not configured.
    """
    connections: list[Connection] = []
    checks = [
        *_files(home),
        *_configuration(home, names, connections),
        *_models(home),
        _notify(home, send_notice),
        *_outputs(home),
    ]
    try:
        store, warehouse = find_store(home), warehouse_path(home)
        for read_setting in (warehouse_access, previous_kept, memory_mb):
            read_setting(home)
    except ConfigurationError as error:
        checks.append(_failed("warehouse", error))
    else:
        checks += (
            [_lakehouse(home, store)] if store.shared else [*_place(warehouse), _warehouse(home, warehouse)]
        )
    checks += _providers(connections)
    return Examination(_without_repetitions(checks))


def _without_repetitions(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks without those that only meet a mistake again: all parts read the same file."""
    failed = {check.message: check for check in reversed(checks) if check.outcome == "failed"}
    return tuple(check for check in checks if failed.get(check.message, check) is check)


def _failed(name: str, error: SyncError, *remedies: str) -> Check:
    remedies = tuple(filter(None, (error.remedy, *remedies)))
    return Check(name, "failed", error.reason, remedies, ExitCode(error.exit_code))


def _broken(name: str, message: str, *remedies: str, exit_code: ExitCode = ExitCode.USAGE) -> Check:
    return Check(name, "failed", message, remedies, exit_code)


def _files(home: Path) -> Iterator[Check]:
    """Only the owner may read secrets; nobody else may change where they are sent."""
    secrets = home / ".dlt" / "secrets.toml"
    private = True
    if secrets.exists() and _mode(secrets) & 0o077:
        private = False
        yield _broken("files", f"{secrets} can be read by others", f"chmod 600 {shlex.quote(str(secrets))}")
    for path in (home, home / ".dlt", home / ".dlt" / "config.toml"):
        if path.exists() and _mode(path) & 0o002 and not _mode(path) & stat.S_ISVTX:
            private = False
            yield _broken("files", f"{path} can be changed by others", f"chmod o-w {shlex.quote(str(path))}")
    if private:
        yield Check("files", "ok", "nobody else can read secrets or change the configuration")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _configuration(home: Path, names: Sequence[str], connections: list[Connection]) -> Iterator[Check]:
    """A check for each mistake; `connections` gets those without one."""
    try:
        unknown = list(find_unknown(home))
        yield from (_failed("configuration", mistake) for mistake in unknown)
        if not unknown:
            yield from _display(home)
        configured = read_tables(home, names)
    except ConfigurationError as error:
        yield _failed("configuration", error, "or begin with: rollcall init")
        return
    for name in sorted(names or configured.tables):
        try:
            connections.append(make_connection(name, configured))
        except ConfigurationError as error:
            mistakes = {str(mistake): mistake for mistake in (error, *_mistakes(name, configured))}
            yield from (_failed("configuration", mistake) for mistake in mistakes.values())
    if connections:
        found = ", ".join(connection.name for connection in connections)
        yield Check("configuration", "ok", f"complete for {found}")


def _display(home: Path) -> Iterator[Check]:
    try:
        display_time_zone(home)
    except ConfigurationError as error:
        yield _failed("configuration", error)


def _mistakes(name: str, configured: Configured) -> Iterator[ConfigurationError]:
    """All mistakes in a connection's keys, while `make_connection` raises the first."""
    try:
        provider = configured.providers.get(str(resolve(f"sources.{name}", COMMON[0]) or name))
    except ConfigurationError:
        return
    for setting in (*COMMON, *provider.settings) if provider else ():
        try:
            resolve(f"sources.{name}", setting)
        except ConfigurationError as error:
            yield error


def _models(home: Path) -> Iterator[Check]:
    """Build and check all published tables without data, to test the models of the home."""
    try:
        with open_database() as connection:
            connection.execute(facts_sql())
            models.build(connection, home)
            models.check(connection, home)
            yield Check("models", "ok", "every table can be built")
            connection.execute("set enable_external_access = false")  # as when reports are exported
            yield from _reports(Warehouse(str(home), connection, home, Clock(None)), home)
    except SyncError as error:
        yield _failed("models", error)
    except (duckdb.Error, OSError) as error:
        reason = str(error).splitlines()[0]
        yield _broken("models", reason, f"correct what is in {home / 'sql'}")


def _reports(empty: Warehouse, home: Path) -> Iterator[Check]:
    """Run each report without data."""
    failed = []
    for path in find_reports(home).values():
        try:
            read_report(empty, path)
        except SyncError as error:
            failed.append(_failed("reports", error, "correct it, or move it away"))
    yield from failed or [Check("reports", "ok", "every report can be exported")]


def _notify(home: Path, send_notice: bool) -> Check:
    try:
        settings = read_notify(home)
    except ConfigurationError as error:
        return _failed("notices", error)
    if settings is None:
        remedy = 'ping_url = "…" under [notify] in .dlt/secrets.toml, or NOTIFY__PING_URL, at least'
        return Check("notices", "warning", "nobody is notified when a run fails", (remedy,))
    if not send_notice:
        return Check("notices", "ok", "configured; --send-notice sends a test notice")
    undelivered: list[str] = []
    notice = Notice(subject(home, "a test notice"), ("This is a test: no run has failed.",), "test")
    send(settings, notice, undelivered.append)
    if undelivered:
        return _broken("notices", "; ".join(undelivered), "correct [notify], or NOTIFY__…")
    return Check("notices", "ok", "a test notice was delivered")


def _outputs(home: Path) -> Iterator[Check]:
    """The log and the metrics: a run continues without them."""
    for name, place_of in (("log", logs_path), ("metrics", textfile_path)):
        try:
            place = place_of(home)
        except ConfigurationError as error:
            yield Check(name, "warning", error.reason, (error.remedy,))
            continue
        if place is None:
            continue
        folder = place if name == "log" else place.parent
        existing = next(one for one in (folder, *folder.parents) if one.exists())
        is_writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
        if not is_writable or (name == "metrics" and existing != folder):
            message = f"a run cannot write to {folder}, and continues without its {name}"
            yield Check(name, "warning", message, (f"create {folder}, writable for this user",))


def _place(warehouse: Path) -> Iterator[Check]:
    """Check that publishing works in the warehouse's directory, and that there is enough space."""
    try:
        with locked(warehouse) as scratch:
            limits = probe(warehouse, scratch)
    except RunInProgress as error:
        yield Check("lock", "warning", error.reason, (error.remedy,), ExitCode.BUSY)
        return
    except SyncError as error:
        yield _failed("lock", error, *(() if elsewhere() in error.remedy else (ELSEWHERE,)))
        return
    except OSError as error:
        message = f"{warehouse.parent} cannot hold a warehouse: {error.strerror}"
        yield _broken(
            "lock",
            message,
            f"give this user write permission for {warehouse.parent}",
            ELSEWHERE,
            exit_code=ExitCode.INTERNAL,
        )
        return
    yield Check("lock", "ok", "no run is in progress, and a run can publish")
    for limit in limits:
        yield Check("lock", "warning", limit, (ELSEWHERE,))
    needed = space_needed(warehouse)
    free = free_bytes(warehouse)
    message = f"{space_left(warehouse)}, a run may need {needed >> 20:,} MB"
    remedy = f"free some space on the disk of {warehouse.parent}"
    if free >= needed:
        yield Check("disk", "ok", message)
    else:
        yield _broken("disk", message, remedy, ELSEWHERE, exit_code=ExitCode.INTERNAL)


def _warehouse(home: Path, path: Path) -> Check:
    """Continue with the published file as a run does, in a draft that is not published."""
    try:
        refuse_lost(home, find_store(home))
        if not path.exists() and not previous_path(path).exists():
            return Check("warehouse", "ok", f"none yet at {path}; the first run creates it")
        found = _continued(home, path)
    except SyncError as error:
        return _failed("warehouse", error, ELSEWHERE)
    except duckdb.Error as error:
        return _broken("warehouse", str(error).splitlines()[0], f"move {path} away", ELSEWHERE)
    return Check("warehouse", "ok", found)


def _continued(home: Path, path: Path) -> str:
    """Build and check the published tables in a draft. Returns what the file contains.

    If a run is in progress, the file is only read.
    """
    try:
        with locked(path) as scratch, open_draft(path, scratch, memory_mb(home)) as draft:
            draft.run(lambda db: models.update(db, home))
            models.refuse_broken(draft.run(lambda db: models.check(db, home)))
            return _content(draft.db)
    except RunInProgress:
        with open_warehouse(path) as warehouse:
            return _content(warehouse.connection)


def _content(db: duckdb.DuckDBPyConnection) -> str:
    row = db.execute(
        "select (select count(*) from projects), (select max(started_at)::text from runs)"
    ).fetchone()
    assert row is not None
    return f"{row[0]:,} projects, last run {row[1] or 'none'}"


def _lakehouse(home: Path, store: Store) -> Check:
    """Sign in to the catalog as a run does, and read what is published."""
    try:
        refuse_lost(home, store)
        with store.locked(()):
            if store.is_empty():
                return Check("warehouse", "ok", f"none yet in {store.name}; the first run creates it")
        with open_published(home) as warehouse:
            return Check("warehouse", "ok", _content(warehouse.connection))
    except SyncError as error:
        return _failed("warehouse", error)


def _providers(connections: Sequence[Connection]) -> list[Check]:
    """Check each listing in parallel, and the clock against the providers' time."""
    if not connections:
        return []
    offsets: list[float] = []
    with ThreadPoolExecutor(len(connections), thread_name_prefix="doctor") as pool:
        asked = pool.map(lambda connection: _listings(connection, offsets.append), connections)
        checks = [check for found in asked for check in found]
    return [*checks, *_clock(offsets)]


def _listings(connection: Connection, note_offset: Callable[[float], None]) -> list[Check]:
    """Log in and read a page of each listing, with short timeouts."""
    given = connection.settings
    hasty = {"max_retries": 1, "timeout_s": min(TIMEOUT_S, given.number("timeout_s"))}
    auth = connection.provider.auth
    watched = replace(connection.provider, auth=lambda settings: _Watched(auth(settings), note_offset))
    asking = replace(connection, provider=watched, settings=Settings({**given, **hasty}))
    with HttpClient(asking, time.monotonic() + DEADLINE_S) as api:
        return [_listing(api, asking, scope) for scope in watched.scopes(asking.settings)]


def _listing(api: HttpClient, connection: Connection, scope: str | None) -> Check:
    name = listing_name(connection, scope)
    pages = connection.provider.pages(api, ListingRequest(connection.settings, scope))
    try:
        page = next(pages)
    except ProviderError as error:
        return _failed(name, error, *_remedies(connection, error))
    except Exception as error:  # noqa: BLE001 - as in a run, a provider's module fails alone
        message = connection.redact(f"its module failed: {type(error).__name__}: {error}")
        return _broken(name, message, "correct it", exit_code=ExitCode.PARTIAL)
    if not page.records:
        return Check(
            name, "warning", "it answered, but lists nothing", ("check what these credentials can access",)
        )
    record = read_record(connection.provider, connection.settings.texts("drop_fields"), page.records[0], {})
    if record.reason:
        return _broken(
            name,
            f"its first record cannot be read: {record.reason}",
            "correct base_url",
            exit_code=ExitCode.DONE,  # a run quarantines it
        )
    of_all = "" if page.total is None else f" of {page.total:,}"
    return Check(name, "ok", f"{len(page.records):,}{of_all} {connection.provider.entity} on its first page")


def _remedies(connection: Connection, error: ProviderError) -> Iterator[str]:
    """The settings that an error may come from, in both forms."""
    if isinstance(error, AccessRefused):
        suspects = [one for one in connection.provider.settings if one.required and one.name != "base_url"]
    else:
        yield f"check that this machine can reach {connection.settings.text('base_url')}"
        suspects = [one for one in connection.provider.settings if one.name == "base_url"]
    for setting in sorted(suspects, key=_is_public):
        yield how_to_set(f"sources.{connection.name}", setting)


def _is_public(setting: Setting) -> bool:
    return not setting.secret


class _Watched(AuthBase):
    """A provider's own authentication, which also records the time in each answer."""

    def __init__(self, auth: AuthBase | None, note_offset: Callable[[float], None]) -> None:
        self._auth = auth
        self._note_offset = note_offset

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._look)  # type: ignore[no-untyped-call] # untyped in the stubs
        return self._auth(request) if self._auth else request

    def _look(self, response: requests.Response, **_: object) -> None:
        try:
            sent = parsedate_to_datetime(response.headers.get("date", ""))
        except ValueError:
            return
        if sent.tzinfo is not None:
            self._note_offset((datetime.now(UTC) - sent).total_seconds())


def _clock(offsets: Sequence[float]) -> Iterator[Check]:
    """Check the clock by the median: a single provider's clock may be wrong."""
    if not offsets:
        return
    offset = sorted(offsets)[len(offsets) // 2]
    if abs(offset) <= LARGEST_CLOCK_ERROR_S:
        yield Check("clock", "ok", "agrees with the providers'")
    else:
        message = f"{abs(offset):,.0f} s {'ahead of' if offset > 0 else 'behind'} the providers'"
        yield _broken("clock", message, "timedatectl set-ntp true")
