"""The connections that a user has configured.

A table `[sources.NAME]` of `.dlt/config.toml` or `.dlt/secrets.toml`, or variables `SOURCES__NAME__KEY`, make
a connection. `config/resolve.py` reads its keys.
"""

import contextlib
import difflib
import functools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast

import requests

from pipelines.common.errors import ConfigurationError, SyncError, UsageError
from pipelines.common.redaction import HIDDEN, Secrets
from pipelines.common.suggest import nearest
from pipelines.config.files import CONFIG, SECRETS, connections_in, refuse_open_secrets
from pipelines.config.network import certificates, check_base_url, check_proxy
from pipelines.config.resolve import resolve
from pipelines.config.secret_values import secrets_of_sources, secrets_of_tables
from pipelines.config.tables import COMMON, names_of
from pipelines.config.unknown import LIKE_OURS, refuse_unknown
from pipelines.extract.provider import Provider, Settings, find_providers

NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Connection:
    """One configured account at one provider.

    `may_quote` is False if messages must not quote the provider, because it might name an erased record. A
    windowed listing requests records from `window_margin` before the start of its window.
    """

    name: str
    provider_name: str
    provider: Provider
    settings: Settings = field(repr=False)
    may_quote: bool = True
    window_margin: timedelta = timedelta()

    def redact(self, text: str) -> str:
        """`text` without this connection's secrets, in any spelling."""
        return self._secrets.redact(text)

    def quote(self, text: str) -> str:
        """`text`, a quotation from the provider, in a form that messages may show."""
        return self.redact(text) if self.may_quote else HIDDEN

    def is_secret_in(self, body: bytes) -> bool:
        """Whether a body contains a secret that is too long to be there by chance."""
        return self._secrets.are_in(body)

    @functools.cached_property
    def _secrets(self) -> Secrets:
        request = requests.Request("GET", "https://host", auth=self.provider.auth(self.settings)).prepare()
        return Secrets(self.secrets, request.headers.get("Authorization", ""))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that are configured."""
        names = (setting.name for setting in self.provider.settings if setting.secret)
        return tuple(secret for name in names if (secret := self.settings.text(name)))


def listing_name(connection: str, scope: str | None) -> str:
    """The name of a listing: that of its connection, and its scope if it has one."""
    return connection if scope is None else f"{connection} {scope}"


def secrets_of(home: Path) -> Secrets:
    """Every secret that is configured in `home`: of connections, notices, the warehouse and destinations.

    A mistake in one table does not keep the secrets of the others from being known.
    """
    return Secrets((*_secrets_of_connections(home), *secrets_of_tables(home)))


def _secrets_of_connections(home: Path) -> Iterator[str]:
    try:
        configured = read_tables(home)
    except SyncError:
        for name in _names_given(home):
            yield from secrets_of_sources(home, name)
        return
    for name in configured.tables:
        try:
            yield from make_connection(name, configured).secrets
        except SyncError:
            yield from secrets_of_sources(home, name)


def _names_given(home: Path) -> Iterator[str]:
    for file in (CONFIG, SECRETS):
        with contextlib.suppress(SyncError):
            yield from connections_in(home, file)


def load_connections(home: Path, names: Sequence[str] = ()) -> tuple[Connection, ...]:
    """The connections configured in `home`: all of them, or those named.

    Raises ConfigurationError if a table or a key is wrong, UsageError if a name is not configured.
    """
    refuse_open_secrets(home)
    refuse_unknown(home)
    configured = read_tables(home, names)
    return tuple(make_connection(name, configured) for name in sorted(set(names) or configured.tables))


def configured_names(home: Path) -> tuple[str, ...] | None:
    """The names of the connections configured in `home`; None if they cannot be read."""
    try:
        return tuple(read_tables(home).tables)
    except ConfigurationError:
        return None


def configured_provider(home: Path, name: str) -> str | None:
    """The provider of the connection `name`, as configured in `home`; None if it is not configured."""
    if name not in (configured_names(home) or ()):
        return None
    return cast("str", resolve(f"sources.{name}", COMMON[0]) or name)


@dataclass(frozen=True)
class Configured:
    """All providers, and the keys given in `home` for each connection, by name."""

    home: Path
    providers: Mapping[str, Provider]
    tables: Mapping[str, set[str]]


def read_tables(home: Path, names: Sequence[str] = ()) -> Configured:
    """Read what is configured in `home`, without validating the keys.

    Raises ConfigurationError if a file is wrong or nothing is configured, UsageError if a name is unknown.
    """
    from pipelines.config.dlt_runtime import use_home

    use_home(home)
    providers = find_providers(home)
    tables = _tables(providers)
    _refuse_misspelled({*tables, *providers})
    if not tables:
        raise ConfigurationError(
            "no connection is configured",
            "add a table such as [sources.belltastic] to .dlt/config.toml; "
            f"the providers are {', '.join(sorted(providers))}",
        )
    for name in names:
        if name not in tables:
            raise UsageError(f"there is no connection {name}", nearest(name, tables, most=1))
    return Configured(home, providers, tables)


def _tables(providers: Mapping[str, Provider]) -> dict[str, set[str]]:
    """The keys given for each connection, in all sources that dlt reads."""
    from pipelines.config.dlt_runtime import dlt

    tables: dict[str, set[str]] = {}
    for place in dlt.config.config_providers:
        given, _ = place.get_value("sources", dict, None)
        for name, table in given.items() if isinstance(given, Mapping) else ():
            if isinstance(table, Mapping):
                tables.setdefault(name, set()).update(table)
    for variable in os.environ:
        match variable.split("__"):
            case ["SOURCES", name, key]:
                name = name.lower()
                if name in tables or name in providers or f"SOURCES__{name.upper()}__PROVIDER" in os.environ:
                    tables.setdefault(name, set()).add(key.lower())
    return tables


def _refuse_misspelled(known: set[str]) -> None:
    """Raise ConfigurationError if a variable looks like a misspelled one of a `known` connection."""
    for variable in sorted(os.environ):
        match variable.split("__"):
            case ["SOURCES", name, key] if name.lower() not in known:
                near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=LIKE_OURS)
                if near:
                    raise ConfigurationError(
                        f"the variable {variable} has no effect",
                        f"did you mean SOURCES__{near[0].upper()}__{key}?",
                    )


def make_connection(name: str, configured: Configured) -> Connection:
    """Resolve every key of a connection. Raises ConfigurationError if one is wrong."""
    keys, providers = configured.tables[name], configured.providers
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"[sources.{name}] is not a valid name for a connection",
            "use lower-case letters and digits, separated by - or _",
        )
    provider_name = cast("str", resolve(f"sources.{name}", COMMON[0]) or name)
    if provider_name not in providers:
        raise _unknown_provider(name, provider_name, configured)
    provider = providers[provider_name]
    wanted = {setting.name: setting for setting in (*COMMON, *provider.settings)}
    known = {key for setting in wanted.values() for key in names_of(setting)}
    for key in sorted(keys - known):
        remedy = nearest(key, known, f"choose from {', '.join(sorted(wanted))}", most=1)
        raise ConfigurationError(f"[sources.{name}] has an unknown key {key}", remedy)
    settings = Settings({key: resolve(f"sources.{name}", setting) for key, setting in wanted.items()})
    check_base_url(name, settings.text("base_url"))
    values = dict(settings) | {"base_url": settings.text("base_url").rstrip("/")}
    if ca_file := settings.text("ca_file"):
        values["ca_file"] = certificates(configured.home, name, ca_file)
    check_proxy(name, settings.text("proxy"))
    connection = Connection(name, provider_name, provider, Settings(values))
    _refuse_unsendable(connection)
    return connection


def _unknown_provider(name: str, provider_name: str, configured: Configured) -> ConfigurationError:
    """The error for a connection whose provider is unknown: where it is configured, and what to write."""
    files = [file for file in (CONFIG, SECRETS) if name in connections_in(configured.home, file)]
    where = " and ".join(f".dlt/{file}" for file in files) or "the environment"
    others = [other for other in (*configured.tables, *configured.providers) if other != name]
    near = difflib.get_close_matches(name, others, n=1)
    meant = f"if it is [sources.{near[0]}], rename it; else " if near and provider_name == name else ""
    return ConfigurationError(
        f"[sources.{name}] in {where} has an unknown provider: {provider_name}",
        f'{meant}set provider = "…" under [sources.{name}] in .dlt/{CONFIG}, '
        f"to one of {', '.join(sorted(configured.providers))}",
    )


def _refuse_unsendable(connection: Connection) -> None:
    """Raise ConfigurationError if a credential cannot be sent in a header."""
    settings, provider = connection.settings, connection.provider
    texts = {one.name: settings.text(one.name) for one in provider.settings if one.type == "text"}
    try:
        request = requests.Request("GET", "https://host", auth=provider.auth(settings)).prepare()
        request.headers.get("Authorization", "").encode("latin-1")
    except UnicodeEncodeError:
        wrong = [name for name, text in texts.items() if not text.isascii()]
    else:
        secrets = () if provider.sign_in else connection.secrets
        wrong = [name for name, text in texts.items() if text in secrets and text != text.strip()]
    if wrong:
        raise ConfigurationError(
            f"{' and '.join(wrong)} of {connection.name} has a character that cannot be sent in a header",
            "copy it again from the provider, without spaces around it and without typographic dashes",
        )
