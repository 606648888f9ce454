"""The connections that a user has configured, resolved by dlt.

A table `[sources.NAME]` of `.dlt/config.toml` or `.dlt/secrets.toml`, or variables `SOURCES__NAME__KEY`, make
a connection. dlt resolves each key at exactly that place: its usual search could send an unrelated variable
called TOKEN to a provider.
"""

import contextlib
import difflib
import functools
import ipaddress
import math
import os
import re
import shlex
import ssl
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
import requests

from pipelines.common.errors import ConfigurationError, SyncError, UsageError
from pipelines.common.redaction import HIDDEN, Secrets
from pipelines.config.secret_sources import SUFFIXES, read_secret_file, run_secret_command, words
from pipelines.config.settings import (
    CONFIG,
    LIKE_OURS,
    SECRETS,
    connections_in,
    names_of,
    refuse_unknown,
)
from pipelines.extract.provider import Provider, Setting, Settings, find_providers

COMMON = (
    Setting("provider", about="the provider, if the name of the table is another"),
    Setting("max_connections", "integer", 8, minimum=1, maximum=64, about="concurrent requests"),
    Setting("max_retries", "integer", 4, minimum=0, maximum=20, about="after 408, 429, 5xx or a cut answer"),
    Setting("max_body_mb", "integer", 64, minimum=1, about="the largest answer accepted"),
    Setting(
        "timeout_s",
        "number",
        60.0,
        minimum=0.1,
        maximum=3600,
        about="time limit for one request, from first to last byte",
    ),
    Setting(
        "retry_wait_s",
        "number",
        1.0,
        minimum=0,
        maximum=60,
        about="before the first retry; doubles each time",
    ),
    Setting(
        "removal_limit",
        "number",
        0.1,
        minimum=0,
        maximum=1,
        about="hold back removals above this share of known records (and above 5)",
    ),
    Setting("drop_fields", "list", (), about="fields that are never stored"),
    Setting("ca_file", about="certificates to trust, in PEM form, instead of the default ones"),
    Setting("proxy", about="an HTTP proxy for all requests, such as http://proxy.example.com:3128"),
)
NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


@dataclass(frozen=True)
class Connection:
    """One configured account at one provider.

    `may_quote` says whether messages may quote the provider, which might name an erased record. The window of
    a listing is requested from `window_margin` earlier than the start that counts.
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
        """`text`, which may quote the provider, as it may be shown."""
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


def listing_name(connection: Connection, scope: str | None) -> str:
    """The name of a listing: its connection, and its scope if it has one."""
    return connection.name if scope is None else f"{connection.name} {scope}"


def secrets_of(home: Path) -> Secrets:
    """Every secret of the connections configured in `home`; none if they cannot be read."""
    with contextlib.suppress(SyncError):
        return Secrets(secret for connection in load_connections(home) for secret in connection.secrets)
    return Secrets(())


def load_connections(home: Path, names: Sequence[str] = ()) -> tuple[Connection, ...]:
    """The connections configured in `home`: all of them, or those named.

    Raises ConfigurationError if a table or a key is wrong, UsageError if a name is not configured.
    """
    refuse_open_secrets(home)
    refuse_unknown(home)
    configured = read_tables(home, names)
    return tuple(make_connection(name, configured) for name in sorted(names or configured.tables))


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
    """What is configured in `home`, not validated yet.

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
            raise UsageError(f"there is no connection {name}", choices(name, tables))
    return Configured(home, providers, tables)


def refuse_open_secrets(home: Path) -> None:
    """Raise ConfigurationError if another user owns the secrets file, or can read it."""
    path = home / ".dlt" / SECRETS
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    if found.st_uid not in {os.geteuid(), 0}:  # root may read and write every file
        owner = f"{os.geteuid()}:{os.getegid()}"
        raise ConfigurationError(
            f"{path} belongs to another user", f"run: sudo chown {owner} {shlex.quote(str(path))}"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(f"{path} can be read by others", f"run: chmod 600 {shlex.quote(str(path))}")


def _tables(providers: Mapping[str, Provider]) -> dict[str, set[str]]:
    """The keys given for each connection, in all sources that dlt reads."""
    from pipelines.config.dlt_runtime import dlt

    tables: dict[str, set[str]] = {}
    for place in dlt.config.config_providers:
        given, _ = place.get_value("sources", dict, None)
        for name, table in given.items() if isinstance(given, Mapping) else ():
            if isinstance(table, Mapping):
                tables.setdefault(name, set()).update(table)
    for name_given in os.environ:
        match name_given.split("__"):
            case ["SOURCES", name, key]:
                name = name.lower()
                if name in tables or name in providers or f"SOURCES__{name.upper()}__PROVIDER" in os.environ:
                    tables.setdefault(name, set()).add(key.lower())
    return tables


def _refuse_misspelled(known: set[str]) -> None:
    """Raise ConfigurationError if a variable looks like a misspelled one of a `known` connection."""
    for variable_given in sorted(os.environ):
        match variable_given.split("__"):
            case ["SOURCES", name, key] if name.lower() not in known:
                near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=LIKE_OURS)
                if near:
                    raise ConfigurationError(
                        f"the variable {variable_given} has no effect",
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
        raise _of_no_provider(name, provider_name, configured)
    provider = providers[provider_name]
    wanted = {setting.name: setting for setting in (*COMMON, *provider.settings)}
    known = {key for setting in wanted.values() for key in names_of(setting)}
    for key in sorted(keys - known):
        raise ConfigurationError(f"[sources.{name}] has an unknown key {key}", choices(key, known))
    settings = Settings({key: resolve(f"sources.{name}", setting) for key, setting in wanted.items()})
    _check_base_url(name, settings.text("base_url"))
    values = dict(settings) | {"base_url": settings.text("base_url").rstrip("/")}
    if ca_file := settings.text("ca_file"):
        values["ca_file"] = certificates(configured.home, name, ca_file)
    check_proxy(name, settings.text("proxy"))
    connection = Connection(name, provider_name, provider, Settings(values))
    _refuse_unsendable(connection)
    return connection


def _of_no_provider(name: str, provider_name: str, configured: Configured) -> ConfigurationError:
    """The error for a connection without a provider: where it is, and what to write."""
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
    """Raise ConfigurationError if a credential cannot be sent in a header, before anything is sent."""
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


def resolve(table: str, setting: Setting) -> object:
    """The value of one key of a table such as `sources.matter`; its default if unset.

    Raises ConfigurationError if it is required and unset, or has the wrong type.
    """
    from pipelines.config.dlt_runtime import dlt

    where, owner = f"{table}.{setting.name}", table.rpartition(".")[2]
    given: object = dlt.secrets.get(where, str) if setting.secret else dlt.config.get(where)
    if setting.secret:
        given = _kept_elsewhere(table, setting, given)
    if given in (None, "", []):
        if setting.required:
            raise ConfigurationError(f"{owner} has no {setting.name}", how_to_set(table, setting))
        return setting.default
    try:
        value = _typed(setting, given)
    except (msgspec.ValidationError, ValueError):
        shown = "the value given" if setting.secret else repr(given)
        raise ConfigurationError(
            f"{setting.name} of {owner} should be {_EXPECTED[setting.type]}, not {shown}",
            how_to_set(table, setting),
        ) from None
    _check_range(owner, setting, value)
    return value


def _kept_elsewhere(table: str, setting: Setting, given: object) -> object:
    """The secret `given`, or that of the file or the command that is configured instead.

    A variable of the key itself comes first: a container gets secrets as variables, and the same files.
    """
    from pipelines.config.dlt_runtime import current_home, dlt

    if os.environ.get(variable(table, setting)):
        return given
    owner = table.rpartition(".")[2]
    sources: dict[str, object] = {setting.name: given}
    for suffix in SUFFIXES:
        sources[f"{setting.name}{suffix}"] = dlt.config.get(f"{table}.{setting.name}{suffix}")
    used = [name for name, value in sources.items() if value not in (None, "", [])]
    if len(used) > 1:
        raise ConfigurationError(f"{owner} has {' and '.join(used)}", "leave one of them")
    if not used or used == [setting.name]:
        return given
    (name,) = used
    value, named = sources[name], f"{name} of {owner}"
    if name.endswith("_file"):
        return read_secret_file(Path(str(value)), current_home(), named)
    try:
        command = words(cast("str | list[str]", value))
    except (TypeError, ValueError):
        raise ConfigurationError(f"{named} is not a command", 'write it as ["program", "argument"]') from None
    return run_secret_command(command, current_home(), named)


_EXPECTED = {
    "text": "a string on one line",
    "integer": "an integer",
    "number": "a number",
    "list": "a list",
}


def _typed(setting: Setting, given: object) -> object:
    match setting.type:
        case "text":
            text = str(given) if type(given) is int else msgspec.convert(given, str)
            if not text.isprintable():  # requests would refuse such a header, and quote it in the error
                raise ValueError(setting.name)
            return text
        case "integer":
            return msgspec.convert(given, int, strict=False)
        case "number":
            return msgspec.convert(given, float, strict=False)
    if isinstance(given, str):
        given = msgspec.json.decode(given) if given.lstrip().startswith("[") else given.split(",")
    return tuple(str(element).strip() for element in msgspec.convert(given, list[str | int]))


def _check_range(connection: str, setting: Setting, value: object) -> None:
    if not isinstance(value, int | float):
        return
    low, high = setting.minimum, setting.maximum
    if not (-math.inf if low is None else low) <= value <= (math.inf if high is None else high):  # nor NaN
        wanted = f"from {low:g}" + (f" to {high:g}" if high is not None else "")
        raise ConfigurationError(
            f"{setting.name} of {connection} is {value:g}", f"set it to a number {wanted}"
        )


def _check_base_url(connection: str, url: str) -> None:
    """Refuse a URL that would send credentials without TLS, except to this machine."""
    wrong = f"base_url of {connection} is {url!r}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(wrong, "give a whole URL such as https://example.com/api") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", url):
        raise ConfigurationError(wrong, "give a whole URL such as https://example.com/api")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"base_url of {connection} has more than a host and a path",
            "leave out credentials, query and fragment",
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(wrong, "use https; plain http is allowed to this machine only")


def check_proxy(owner: str, url: str) -> None:
    """Raise ConfigurationError if a proxy is not a URL of a host, without credentials."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_host = False
    if not is_host or parts.scheme not in {"http", "https"} or parts.path.strip("/") or parts.query:
        raise ConfigurationError(
            f"proxy of {owner} is not a URL of a proxy", "give one such as http://proxy.example.com:3128"
        )
    if parts.username or parts.password:
        raise ConfigurationError(
            f"proxy of {owner} contains credentials",
            "let the proxy know this machine, or name a proxy on this machine that adds them",
        )


def proxies(settings: Settings) -> dict[str, str]:
    """The proxy of these settings in the form of `requests`; none from the environment."""
    proxy = settings.text("proxy")
    return {"http": proxy, "https": proxy} if proxy else {}


def certificates(home: Path, owner: str, file: str) -> str:
    """Check the path of a file of certificates: without it, a connection would trust none."""
    path = home / file
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl's own errors are among them
        raise ConfigurationError(
            f"ca_file of {owner} is {file}, which cannot be read ({error.strerror or error})",
            "name a file of certificates in PEM form",
        ) from None
    return str(path)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def how_to_set(table: str, setting: Setting) -> str:
    """The line that sets a key of a table such as `sources.matter`, in both forms of configuration."""
    file = ".dlt/secrets.toml" if setting.secret else ".dlt/config.toml"
    example = '["…"]' if setting.type == "list" else '"…"' if setting.type == "text" else "…"
    line = f"set {setting.name} = {example} under [{table}] in {file}"
    return f"{line}, or the variable {variable(table, setting)}"


def variable(table: str, setting: Setting) -> str:
    """The environment variable that sets a key of a table."""
    return f"{table}.{setting.name}".replace(".", "__").upper()


def choices(name: str, known: Collection[str]) -> str:
    """A suggestion for `name` from the known names."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"choose from {', '.join(sorted(known))}"
