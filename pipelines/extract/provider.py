"""What a provider is: a description, and one generator of pages.

A provider is a module of `pipelines.providers`, or of a directory `providers` in the user's home, that
holds one `PROVIDER`. Its file name is its name; nothing else lists it.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol, TypeVar

from requests.auth import AuthBase

from pipelines.common.errors import ConfigurationError, ProviderError
from pipelines.config.tables import Setting, Settings
from pipelines.transform.model import files_in

T = TypeVar("T")

PACKAGE = "pipelines.providers"  # not imported above, because its modules import this one

__all__ = [
    "Client",
    "ErrorBody",
    "ListingRequest",
    "Page",
    "Provider",
    "Request",
    "Setting",
    "Settings",
    "find_providers",
    "no_error_body",
    "one_scope",
]


@dataclass(frozen=True)
class Request:
    """One GET below a connection's base URL."""

    path: str
    params: Mapping[str, str | int] | None = None


class Client(Protocol):
    """The part of a connection's HTTP client that a provider needs.

    Every method raises `Transient` when all attempts failed, `AccessRefused` on credentials or permissions,
    and `MalformedAnswer` when the answer is not what the vendor documents.
    """

    settings: Settings

    def get(self, request: Request, read: Callable[[bytes], T]) -> T:
        """Return `read` of the answer's JSON body."""

    def get_all(self, wanted: Iterable[Request], read: Callable[[bytes], T]) -> Iterator[T]:
        """Yield the answers in the order of the requests, several of which run in parallel."""

    def post_login(self, path: str, credentials: Mapping[str, object]) -> None:
        """Send credentials to a login below the base URL; the client keeps the cookies that it sets."""


@dataclass(frozen=True)
class ListingRequest:
    """What to list, by the `settings` of a connection.

    `scope` is None if the provider has none. `since` asks only for records created from then on; None: all.
    """

    settings: Settings
    scope: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Page:
    """One page of a listing: each record's JSON text as sent, and the number of all records.

    `total` and `page_count` are the provider's numbers for the whole listing; None if it gives none.
    `unverified_reason` says why one of them is missing or cannot be read.
    """

    records: tuple[bytes, ...]
    total: int | None = None
    page_count: int | None = None
    unverified_reason: str | None = None


@dataclass(frozen=True)
class ErrorBody:
    """A provider's documented error body: its code and its message.

    `failure` says whether the code is worth a retry, regardless of the HTTP status. None: the status
    decides.
    """

    code: str
    message: str
    failure: type[ProviderError] | None = None


def no_error_body(_body: bytes) -> ErrorBody | None:
    """None, for a provider that documents no error body."""
    return None


def one_scope(_settings: Settings) -> tuple[str | None, ...]:
    """The only scope, None, of a provider without scopes."""
    return (None,)


@dataclass(frozen=True)
class Provider:
    """How to list one kind of record of one service.

    `pages` yields the pages of one listing in order. `read_one` returns the JSON of one record by its id;
    None if the service documents no such call. `sign_in` logs in; None if `auth` adds a token to every
    request. `id_keys` and `created_keys` name the id and the creation time by every spelling that the service
    uses; `created_keys` is empty unless the listing supports a window. A change of only `volatile` fields is
    not a change of the record. `time_zone` is that of times without an offset; None if it is unknown or there
    are no such times.
    """

    entity: Literal["projects", "files"]
    settings: tuple[Setting, ...]
    id_keys: tuple[str, ...]
    pages: Callable[[Client, ListingRequest], Iterator[Page]]
    auth: Callable[[Settings], AuthBase | None]
    sign_in: Callable[[Client], None] | None = None
    error_body: Callable[[bytes], ErrorBody | None] = no_error_body
    read_one: Callable[[Client, ListingRequest, str], bytes] | None = None
    scopes: Callable[[Settings], tuple[str | None, ...]] = one_scope
    volatile: frozenset[str] = frozenset()
    created_keys: tuple[str, ...] = ()
    time_zone: Callable[[Settings], str | None] = field(default=lambda _settings: None)


def find_providers(home: Path) -> dict[str, Provider]:
    """All providers by name: those of the package, and those of `home/providers`.

    Raises ConfigurationError if a module in the home cannot be imported or does not define a provider.
    """
    package = importlib.import_module(PACKAGE)
    found = {
        info.name: _provider_of(importlib.import_module(f"{PACKAGE}.{info.name}"))
        for info in pkgutil.iter_modules(package.__path__)
    }
    for path in files_in(home / "providers", "[!_]*.py"):
        found[path.stem] = _provider_of(_import_file(path))
    return found


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"rollcall_home_{path.stem}", path)
    assert spec is not None  # its name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - any mistake in it is for the user to fix
        reason = f"{path} cannot be imported ({type(error).__name__}: {error})"
        raise ConfigurationError(reason, "correct it") from None
    return module


def _provider_of(module: ModuleType) -> Provider:
    provider = getattr(module, "PROVIDER", None)
    if not isinstance(provider, Provider):
        raise ConfigurationError(
            f"{module.__file__} does not define a provider", "give it a PROVIDER = Provider(...)"
        )
    return provider
