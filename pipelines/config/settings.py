"""The settings of a home, except those of its connections; read without importing dlt.

The order is dlt's: a variable such as `WAREHOUSE__PATH`, then `.dlt/config.toml`, then the default. Paths are
relative to the home.
"""

import contextlib
import grp
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast
from zoneinfo import available_timezones

from pipelines.common.errors import ConfigurationError
from pipelines.common.filesystem import Access, user_name
from pipelines.common.suggest import nearest
from pipelines.config.files import CONFIG, SECRETS, path_of, read_toml, settings_file
from pipelines.config.secret_sources import SUFFIXES, secret_given
from pipelines.config.tables import TABLES
from pipelines.config.unknown import refuse_unknown

LEAST_MODE, MOST_MODE = 0o600, 0o644  # the permissions that a mode must have, and may have
LOG_FORMATS = ("text", "json")
STANDARD_OUTPUT = "-"
TEXTFILE_ENDING = ".prom"  # node_exporter reads no others


def warehouse_path(home: Path) -> Path:
    """The absolute path of the published warehouse, with a symbolic link resolved.

    All other files of a warehouse are next to that file, not next to the link. Raises ConfigurationError if
    the configuration is wrong, the link leads to itself, or it names something other than a file: nothing
    could end the reading of a named pipe.
    """
    path = _path(home, "warehouse")
    if path.is_symlink():
        with contextlib.suppress(OSError, RuntimeError):  # Python's error for a loop depends on its version
            path = path.resolve()
        if path.is_symlink():
            raise ConfigurationError(f"{path} is a symbolic link that leads to itself", "remove it")
    with contextlib.suppress(OSError):  # a directory that this user may not search has an error of its own
        if path.is_dir():
            raise ConfigurationError(f"{path} is a directory", "let path of [warehouse] name a file in it")
        if path.exists() and not path.is_file():
            raise ConfigurationError(
                f"{path} is not a file", "move it away, or give [warehouse] another path"
            )
    return path


def exports_path(home: Path) -> Path:
    """The directory of the exports, absolute. Raises ConfigurationError as `warehouse_path` does."""
    return _path(home, "exports")


def exports_kept(home: Path) -> int:
    """The number of export folders to keep; 0 keeps all. Raises ConfigurationError if not an integer."""
    return given_number(home, "exports", "keep")


def previous_kept(home: Path) -> int:
    """How many files of earlier runs are kept. Raises ConfigurationError if it is not a positive integer."""
    kept = given_number(home, "warehouse", "keep")
    if not kept:
        raise ConfigurationError("keep of [warehouse] is 0", "set it to 1 or more: restore needs one")
    return kept


def warehouse_access(home: Path) -> Access:
    """Who may read the published file. Raises ConfigurationError if the mode or the group is wrong."""
    given = given_text(home, "warehouse", "mode")
    mode = int(given, 8) if re.fullmatch("0?[0-7]{3}", given) else 0
    if mode & ~MOST_MODE or mode & LEAST_MODE != LEAST_MODE:
        raise ConfigurationError(
            f"mode of [warehouse] is {given!r}", 'set it to "0600", or to "0640" or "0644" for readers'
        )
    name = given_text(home, "warehouse", "group")
    return Access(mode, _group(name) if name else None)


def _group(name: str) -> int:
    try:
        group = grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigurationError(f"there is no group {name}", "create it, or name another") from None
    if os.geteuid() and group not in {os.getegid(), *os.getgroups()}:
        raise ConfigurationError(
            f"this user is not in the group {name}",
            f"run: sudo usermod --append --groups {name} {user_name(os.geteuid())}",
        )
    return group


def memory_mb(home: Path) -> int:
    """DuckDB's memory limit in a run, in MB. Raises ConfigurationError if it is not an integer."""
    return given_number(home, "warehouse", "memory_mb")


def published_after_sync(home: Path) -> tuple[str, ...]:
    """The destinations that each run is published to. Raises ConfigurationError if that is not a list."""
    given, default = _given(home, "publish", "after_sync")
    names = given if given is not None else default
    if isinstance(names, str):  # of a variable
        return tuple(name.strip() for name in names.split(","))
    if not isinstance(names, list | tuple):
        raise ConfigurationError(
            f"after_sync of [publish] in {settings_file(home, CONFIG)} should be a list, not {names!r}",
            'write it as after_sync = ["…"]',
        )
    return tuple(map(str, names))


def logs_path(home: Path) -> Path | None:
    """The directory of the runs' logs, absolute; None if they go to standard output.

    Raises ConfigurationError as `warehouse_path` does.
    """
    return None if given_text(home, "logs", "path") == STANDARD_OUTPUT else _path(home, "logs")


def display_time_zone(home: Path) -> str:
    """The IANA name of the time zone for times on the screen and in queries; UTC unless set.

    Raises ConfigurationError if there is no such zone.
    """
    return check_time_zone(given_text(home, "display", "time_zone"), "time_zone of [display]")


def time_zones() -> set[str]:
    """The IANA time zones: those of the system that DuckDB reads as well."""
    return available_timezones() - {"localtime", "Factory"}


def check_time_zone(name: str, setting: str) -> str:
    """Return `name` if it is an IANA time zone. Raises ConfigurationError, which names the setting."""
    # Listing all zones takes longer than most queries.
    if name == "UTC" or name in (known := time_zones()):
        return name
    raise ConfigurationError(
        f"{setting} is not an IANA time zone: {name}",
        nearest(name, known, "write a name such as Europe/Vienna"),
    )


def logs_format(home: Path) -> str:
    """The format of the runs' logs. Raises ConfigurationError if there is no such format."""
    given = given_text(home, "logs", "format")
    if given not in LOG_FORMATS:
        raise ConfigurationError(
            f"format of [logs] is {given!r}", f"set it to one of {', '.join(LOG_FORMATS)}"
        )
    return given


def logs_kept(home: Path) -> int:
    """How many logs are kept; 0 keeps all. Raises ConfigurationError if not an integer."""
    return given_number(home, "logs", "keep")


def textfile_path(home: Path) -> Path | None:
    """The file of metrics, absolute; None if there is none. Raises ConfigurationError if it is wrong."""
    given = given_text(home, "monitoring", "textfile")
    if not given:
        return None
    if not given.endswith(TEXTFILE_ENDING):
        raise ConfigurationError(
            f"textfile of [monitoring] is {given!r}",
            f"give it a name that ends in {TEXTFILE_ENDING}: node_exporter reads no others",
        )
    return _path(home, "monitoring", "textfile")


def find_mistakes(home: Path) -> Iterator[ConfigurationError]:
    """Yield an error for each wrong setting of what follows a run, which continues without it."""
    readers: tuple[Callable[[Path], object], ...] = (
        exports_path,
        exports_kept,
        display_time_zone,
    )
    for read in readers:
        try:
            read(home)
        except ConfigurationError as mistake:
            yield mistake


def _path(home: Path, table: str, key: str = "path") -> Path:
    given = given_text(home, table, key)
    if "\0" in given:
        raise ConfigurationError(f"{key} of [{table}] has a NUL: {given!r}", "give it another name")
    path = path_of(home.absolute(), given, f"{key} of [{table}]")
    try:
        str(path).encode()
    except UnicodeEncodeError:  # DuckDB cannot open a path that is not UTF-8
        raise ConfigurationError(
            f"{key} of [{table}] is not UTF-8: {os.fsencode(path)!r}", "give it another name"
        ) from None
    return path


def given_text(home: Path, table: str, key: str) -> str:
    """The string given for a key, or its default; empty if unset.

    Raises ConfigurationError if it is not a string.
    """
    given, default = _given(home, table, key)
    if not (given is None or isinstance(given, str)):
        raise _not_a_string(settings_file(home, CONFIG), table, key, repr(given))
    return given or str(default or "")


def given_number(home: Path, table: str, key: str) -> int:
    """The integer given for a key, or its default. Raises ConfigurationError if it is not an integer."""
    given, default = _given(home, table, key)
    if given is None:
        return cast("int", default)
    text = str(given)
    if not (text.isascii() and text.isdigit()):
        raise ConfigurationError(
            f"{key} of [{table}] should be an integer, not {given!r}", f"write it as {key} = {default}"
        )
    return int(text)


def given_secret(home: Path, table: str, key: str) -> str:
    """The secret under a key, or that of the file or the command given instead; empty if unset.

    Raises ConfigurationError, which does not quote it, if it is not a string or cannot be read.
    """
    refuse_unknown(home)
    if value := os.environ.get(_variable(table, key)):
        return value
    given = {key: _section(home, SECRETS, table).get(key)}
    for suffix in SUFFIXES:
        given[f"{key}{suffix}"] = _from_environment_or_file(home, CONFIG, table, f"{key}{suffix}")
    secret = secret_given(key, table, given, home)
    if not (secret is None or isinstance(secret, str)):
        raise _not_a_string(settings_file(home, SECRETS), table, key, "the value given")
    return secret or ""


def _not_a_string(file: Path, table: str, key: str, shown: str) -> ConfigurationError:
    return ConfigurationError(
        f"{key} of [{table}] in {file} should be a string, not {shown}", f'write it as {key} = "…"'
    )


def _given(home: Path, table: str, key: str) -> tuple[object, object]:
    """The value given for a key that is not a secret (None if unset), and its default."""
    refuse_unknown(home)
    (setting,) = (setting for setting in TABLES[table] if setting.name == key)
    return _from_environment_or_file(home, CONFIG, table, key), setting.default


def _from_environment_or_file(home: Path, file: str, table: str, key: str) -> object:
    return os.environ.get(_variable(table, key)) or _section(home, file, table).get(key)


def _section(home: Path, file: str, table: str) -> Mapping[str, object]:
    return cast("Mapping[str, object]", read_toml(settings_file(home, file)).get(table, {}))


def _variable(table: str, key: str) -> str:
    return f"{table}__{key}".upper()
