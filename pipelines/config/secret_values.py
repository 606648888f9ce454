"""The secrets of a home that belong to no connection, to keep them out of all output.

They are those of the tables of the configuration, such as `[warehouse]` and `[notify]`, and those of dlt's
`[destination.NAME]`, whose keys only dlt knows. A secret may be part of a value: the password in a connection
string, or the token in the path of a webhook, which an HTTP library quotes without its host.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.common.errors import SyncError
from pipelines.config.files import CONFIG, SECRETS, read_toml, settings_file
from pipelines.config.settings import given_secret
from pipelines.config.tables import TABLES

LEAST_TOKEN = 12  # characters: shorter parts of a path, such as hooks or v1, are also words
_SECRET_KEY = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_KEYWORD = re.compile(r"\b(?:password|pwd|passwd)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s;&]+)", re.IGNORECASE)


def secrets_of_tables(home: Path) -> Iterator[str]:
    """Yield the secrets of all tables but `[sources]`, with the parts of them that may be quoted alone."""
    for table, settings in TABLES.items():
        for setting in settings:
            if setting.secret:
                with contextlib.suppress(SyncError):
                    yield from parts_of(given_secret(home, table, setting.name))
    for name in _destinations(home):
        yield from secrets_of_destination(home, name)


def secrets_of_destination(home: Path, name: str) -> Iterator[str]:
    """Yield the secrets in `[destination.NAME]` of both files, and in the variables of that table."""
    for file in (CONFIG, SECRETS):
        table = _table(_table(_read(home, file), "destination"), name)
        yield from _within(table)
    prefix = f"DESTINATION__{name.upper()}__"
    yield from _within({key: value for key, value in os.environ.items() if key.startswith(prefix)})


def variables_of_destinations(home: Path) -> Iterator[str]:
    """Yield the variables that would set all keys of `[destination.NAME]` in the secrets file."""
    for name, table in _table(_read(home, SECRETS), "destination").items():
        yield from _variables(f"DESTINATION__{name}".upper(), table)
    yield from (one for one in os.environ if one.startswith("DESTINATION__"))


def _variables(prefix: str, value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _variables(f"{prefix}__{key}".upper(), inner)
    else:
        yield prefix


def secrets_of_sources(home: Path, name: str) -> Iterator[str]:
    """Yield what looks like a secret in `[sources.NAME]`, for a table that is too wrong to be read."""
    for file in (CONFIG, SECRETS):
        yield from _within(_table(_table(_read(home, file), "sources"), name))
    prefix = f"SOURCES__{name.upper()}__"
    yield from _within({key: value for key, value in os.environ.items() if key.startswith(prefix)})


def parts_of(secret: str) -> Iterator[str]:
    """Yield a secret, and what of it a library may quote alone; of a URL, only these parts."""
    try:
        parts = urlsplit(secret)
        password = parts.password
    except ValueError:
        parts, password = None, None
    if parts is None or not (parts.scheme and parts.netloc):
        yield secret
        return
    if password:
        yield from (password, unquote(password))
        return
    # Not the whole URL: then everything that begins with https:// would be hidden.
    place = f"{parts.path}?{parts.query}".rstrip("?/")
    tokens = [token for token in re.split(r"[/?&=]", place) if len(token) >= LEAST_TOKEN]
    yield from tokens or [place]


def _within(given: Mapping[str, object]) -> Iterator[str]:
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _within(value)
        elif isinstance(value, str):
            yield from _in_text(key, value)


def _in_text(key: str, value: str) -> Iterator[str]:
    """Yield the password in a connection string, or the value of a key that is named as a secret is."""
    passwords = [found.strip("'") for found in _KEYWORD.findall(value)]
    with contextlib.suppress(ValueError):
        if password := urlsplit(value).password:
            passwords += [password, unquote(password)]
    if passwords:
        yield from passwords
    elif _SECRET_KEY.search(key.rpartition("__")[2]):
        yield from parts_of(value)


def _destinations(home: Path) -> set[str]:
    names = {name for file in (CONFIG, SECRETS) for name in _table(_read(home, file), "destination")}
    variables = [variable.split("__") for variable in os.environ]
    return names | {parts[1].lower() for parts in variables if parts[0] == "DESTINATION" and len(parts) > 2}


def _read(home: Path, file: str) -> Mapping[str, object]:
    with contextlib.suppress(SyncError):
        return read_toml(settings_file(home, file))
    return {}


def _table(tables: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = tables.get(name, {})
    return found if isinstance(found, Mapping) else {}
