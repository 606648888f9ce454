"""Checks of the connections: a page of each listing, and the clock."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from requests.auth import AuthBase

from pipelines.commands.doctor.check import Check, broken, failed
from pipelines.common.errors import AccessRefused, ProviderError
from pipelines.common.exit_codes import ExitCode
from pipelines.config.resolve import how_to_set
from pipelines.extract.client import HttpClient
from pipelines.extract.connections import Connection, listing_name
from pipelines.extract.provider import ListingRequest, Setting, Settings
from pipelines.extract.records import read_record

DEADLINE_S = 60.0
TIMEOUT_S = 30.0
LARGEST_CLOCK_ERROR_S = 300.0


def check_providers(connections: Sequence[Connection]) -> list[Check]:
    """Check each listing in parallel, and the clock against the providers' time."""
    if not connections:
        return []
    offsets: list[float] = []
    with ThreadPoolExecutor(len(connections), thread_name_prefix="doctor") as pool:
        requested = pool.map(lambda connection: _listings(connection, offsets.append), connections)
        checks = [check for found in requested for check in found]
    return [*checks, *_clock(offsets)]


def _listings(connection: Connection, note_offset: Callable[[float], None]) -> list[Check]:
    """Log in and read a page of each listing, with short timeouts."""
    given = connection.settings
    limits = {"max_retries": 1, "timeout_s": min(TIMEOUT_S, given.number("timeout_s"))}
    auth = connection.provider.auth
    provider = replace(connection.provider, auth=lambda settings: _TimedAuth(auth(settings), note_offset))
    limited = replace(connection, provider=provider, settings=Settings({**given, **limits}))
    with HttpClient(limited, time.monotonic() + DEADLINE_S) as api:
        return [_listing(api, limited, scope) for scope in provider.scopes(limited.settings)]


def _listing(api: HttpClient, connection: Connection, scope: str | None) -> Check:
    name = listing_name(connection.name, scope)
    pages = connection.provider.pages(api, ListingRequest(connection.settings, scope))
    try:
        page = next(pages)
    except ProviderError as error:
        return failed(name, error, *_remedies(connection, error))
    except Exception as error:  # noqa: BLE001 - as in a run, a provider's module fails alone
        message = connection.redact(f"its module failed: {type(error).__name__}: {error}")
        return broken(name, message, "correct it", exit_code=ExitCode.PARTIAL)
    if not page.records:
        return Check(
            name, "warning", "it answered, but lists nothing", ("check what these credentials can access",)
        )
    record = read_record(connection.provider, connection.settings.texts("drop_fields"), page.records[0], {})
    if record.reason:
        return broken(
            name,
            f"its first record cannot be read: {record.reason}",
            "correct base_url",
            exit_code=ExitCode.DONE,  # a run quarantines it
        )
    of_all = "" if page.total is None else f" of {page.total:,}"
    return Check(name, "ok", f"{len(page.records):,}{of_all} {connection.provider.entity} on its first page")


def _remedies(connection: Connection, error: ProviderError) -> Iterator[str]:
    """The settings that may have caused an error, in both forms."""
    if isinstance(error, AccessRefused):
        suspects = [one for one in connection.provider.settings if one.required and one.name != "base_url"]
    else:
        yield f"check that this machine can reach {connection.settings.text('base_url')}"
        suspects = [one for one in connection.provider.settings if one.name == "base_url"]
    for setting in sorted(suspects, key=_is_public):
        yield how_to_set(f"sources.{connection.name}", setting)


def _is_public(setting: Setting) -> bool:
    return not setting.secret


class _TimedAuth(AuthBase):
    """A provider's own authentication, which also notes how far the clock is from the time in each answer."""

    def __init__(self, auth: AuthBase | None, note_offset: Callable[[float], None]) -> None:
        self._auth = auth
        self._note_offset = note_offset

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._note_time)  # type: ignore[no-untyped-call] # untyped in the stubs
        return self._auth(request) if self._auth else request

    def _note_time(self, response: requests.Response, **_: object) -> None:
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
        yield broken("clock", message, "timedatectl set-ntp true")
