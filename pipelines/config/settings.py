"""The settings that a home may have, and the paths of its files; read without importing dlt.

The order is dlt's: a variable such as `WAREHOUSE__PATH`, then `.dlt/config.toml`, then the default. Paths are
relative to the home.
"""

import contextlib
import grp
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, cast
from zoneinfo import available_timezones

from pipelines.common.errors import ConfigurationError
from pipelines.common.filesystem import Access
from pipelines.common.suggest import nearest
from pipelines.config.secret_sources import SUFFIXES, read_secret_file, run_secret_command, words

EXPORTS_KEPT = 14
LOGS_KEPT = 60
OWNERS, READABLE = 0o600, 0o644  # what a mode must have, and what it may have
PREVIOUS_KEPT = 1
MEMORY_MB = 300

type_names = Literal["text", "integer", "number", "list"]


@dataclass(frozen=True)
class Setting:
    """One key of a connection's table. `default` None with `required` False means unset.

    `about` is its comment in a new configuration: where the value comes from, or what it does.
    """

    name: str
    type: type_names = "text"
    default: object = None
    required: bool = False
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    about: str = ""


def names_of(setting: Setting) -> tuple[str, ...]:
    """The keys that set it: a secret can also be in a file, or be printed by a command."""
    others = SUFFIXES if setting.secret else ()
    return (setting.name, *(f"{setting.name}{suffix}" for suffix in others))


class Settings(Mapping[str, object]):
    """A connection's resolved settings, read by type."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def text(self, name: str) -> str:
        """The string under `name`; empty if unset."""
        return cast("str | None", self._values[name]) or ""

    def integer(self, name: str) -> int:
        """The integer under `name`."""
        return cast("int", self._values[name])

    def number(self, name: str) -> float:
        """The number under `name`."""
        return cast("float", self._values[name])

    def texts(self, name: str) -> tuple[str, ...]:
        """The list under `name`; empty if unset."""
        return cast("tuple[str, ...] | None", self._values[name]) or ()


WAREHOUSE = (
    Setting("path", default="warehouse.duckdb", about="the published warehouse"),
    Setting("keep", "integer", PREVIOUS_KEPT, about="how many files of earlier runs are kept next to it"),
    Setting("mode", default="0600", about="permissions of the file: 0640 lets the group read it"),
    Setting("group", about="the group that may read it, if that is not this user's own"),
    Setting("memory_mb", "integer", MEMORY_MB, about="how much memory DuckDB may take in a run"),
    Setting("engine", default="duckdb", about="duckdb: one file; ducklake: a lakehouse for several machines"),
    Setting("catalog", about="ducklake: postgres:dbname=… host=… user=…, or the path of a file, to try it"),
    Setting("data", about="ducklake: the directory of the data, or s3://BUCKET/PATH"),
    Setting("catalog_password", secret=True, about="ducklake: the password of the PostgreSQL user"),
    Setting("s3_key_id", secret=True, about="ducklake: the access key of the object storage"),
    Setting("s3_secret", secret=True, about="ducklake: the secret access key"),
    Setting("s3_session_token", secret=True, about="ducklake: the session token of temporary credentials"),
    Setting("s3_region", about="ducklake: the region of the bucket"),
    Setting("s3_endpoint", about="ducklake: the URL of the object storage, if it is not Amazon's"),
)
EXPORTS = (
    Setting("path", default="exports", about="the directory of the exports"),
    Setting("keep", "integer", EXPORTS_KEPT, about="how many dated folders of exports are kept; 0 keeps all"),
)
DISPLAY = (Setting("time_zone", default="UTC", about="the IANA time zone of the times that you read"),)
LOGS = (
    Setting("path", default="logs", about="the directory of the runs' logs; - for standard output"),
    Setting("format", default="text", about="text, or json: an object per line, for a log collector"),
    Setting("keep", "integer", LOGS_KEPT, about="how many logs are kept; 0 keeps all"),
)
LOG_FORMATS = ("text", "json")
STANDARD_OUTPUT = "-"
MONITORING = (
    Setting("textfile", about="a file of metrics for node_exporter, written after every run; ends in .prom"),
)
TEXTFILE_ENDING = ".prom"  # node_exporter reads no others
NOTIFY = (
    Setting("webhook", secret=True, about="an incoming webhook of Slack, or of a compatible service"),
    Setting("ping_url", secret=True, about="called when every run starts and ends, as by healthchecks.io"),
    Setting("email_to", "list", (), about="who gets an e-mail"),
    Setting("email_from", about="rollcall@ this machine, unless set"),
    Setting("smtp_host", default="localhost", about="the server that takes the e-mail"),
    Setting("smtp_port", "integer", minimum=1, maximum=65535, about="587, with tls 465, with none 25"),
    Setting("smtp_security", default="starttls", about="starttls, tls, or none (to this machine only)"),
    Setting("smtp_user"),
    Setting("smtp_password", secret=True),
    Setting("ca_file", about="certificates to trust, in PEM form, instead of the default ones"),
    Setting("proxy", about="an HTTP proxy for the webhook and the ping"),
    Setting("runs", default="failed", about="failed: e-mail and webhook only when one fails; or all"),
    Setting(
        "deadline_s", "number", 20.0, minimum=1, maximum=600, about="for all notices of one kind together"
    ),
)
PUBLISH = (Setting("after_sync", "list", (), about="the destinations to publish to after each run"),)
DESTINATION = (
    Setting("destination", required=True, about="its kind, such as postgres, snowflake or filesystem"),
    Setting("dataset", default="rollcall", about="the schema there, or the folder; for Rollcall alone"),
    Setting("tables", "list", (), about="the tables to publish; all, unless set"),
    Setting("table_format", default="delta", about="of a file system: delta or iceberg"),
)
# Every table of the configuration, except those of connections, [sources.NAME], and of destinations,
# [publish.NAME].
TABLES: Mapping[str, tuple[Setting, ...]] = {
    "warehouse": WAREHOUSE,
    "exports": EXPORTS,
    "display": DISPLAY,
    "logs": LOGS,
    "notify": NOTIFY,
    "monitoring": MONITORING,
    "publish": PUBLISH,
}
# Tables of dlt's own, which `dlt init` writes. Rollcall sets what dlt needs itself: they have no effect.
OF_DLT = frozenset({"data_writer", "destination", "extract", "load", "normalize", "runtime", "schema"})
LIKE_OURS = 0.75  # how similar a name must be to that of a setting
CONFIG, SECRETS = "config.toml", "secrets.toml"


def warehouse_path(home: Path) -> Path:
    """The absolute path of the published warehouse, with a symbolic link resolved.

    Everything that belongs to a warehouse is next to that file, and the link stays. Raises ConfigurationError
    if the configuration is wrong, or the link leads to itself.
    """
    path = _path(home, "warehouse")
    if not path.is_symlink():
        return path
    with contextlib.suppress(OSError, RuntimeError):  # Python's error for a loop depends on its version
        path = path.resolve()
    if path.is_symlink():
        raise ConfigurationError(f"{path} is a symbolic link that leads to itself", "remove it")
    return path


def exports_path(home: Path) -> Path:
    """The directory of the exports, absolute. Raises ConfigurationError as `warehouse_path` does."""
    return _path(home, "exports")


def exports_kept(home: Path) -> int:
    """The number of export folders to keep; 0 keeps all. Raises ConfigurationError if not an integer."""
    return _number(home, "exports", "keep")


def previous_kept(home: Path) -> int:
    """How many files of earlier runs are kept. Raises ConfigurationError if it is not a positive integer."""
    kept = _number(home, "warehouse", "keep")
    if not kept:
        raise ConfigurationError("keep of [warehouse] is 0", "set it to 1 or more: restore needs one")
    return kept


def warehouse_access(home: Path) -> Access:
    """Who may read the published file. Raises ConfigurationError if the mode or the group is wrong."""
    given = given_text(home, "warehouse", "mode")
    mode = int(given, 8) if re.fullmatch("0?[0-7]{3}", given) else 0
    if mode & ~READABLE or mode & OWNERS != OWNERS:
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
            f"this user is not in the group {name}", f"run: sudo usermod --append --groups {name} $USER"
        )
    return group


def memory_mb(home: Path) -> int:
    """DuckDB's memory limit in a run, in MB. Raises ConfigurationError if it is not an integer."""
    return _number(home, "warehouse", "memory_mb")


def published_after_sync(home: Path) -> tuple[str, ...]:
    """The destinations that each run is published to. Raises ConfigurationError if that is not a list."""
    given, default = _given(home, "publish", "after_sync")
    names = given if given is not None else default
    if isinstance(names, str):  # of a variable
        return tuple(name.strip() for name in names.split(","))
    if not isinstance(names, list | tuple):
        raise ConfigurationError(
            f"after_sync of [publish] in {_file(home, CONFIG)} should be a list, not {names!r}",
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


def check_time_zone(name: str, setting: str) -> str:
    """Return `name` if it is an IANA time zone. Raises ConfigurationError, which names the setting."""
    if name in (known := available_timezones() - {"localtime"}):
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
    return _number(home, "logs", "keep")


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


def _path(home: Path, table: str, key: str = "path") -> Path:
    path = home.absolute() / Path(given_text(home, table, key)).expanduser()
    try:
        str(path).encode()
    except UnicodeEncodeError:  # a byte that is not UTF-8, for which DuckDB has no way
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
        raise ConfigurationError(
            f"{key} of [{table}] in {_file(home, CONFIG)} should be a string, not {given!r}",
            f'write it as {key} = "…"',
        )
    return given or str(default or "")


def _number(home: Path, table: str, key: str) -> int:
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
    """The secret under a key, or in the file or from the command that stand for it; empty if unset."""
    if value := given_text(home, table, key):
        return value
    section = cast("Mapping[str, object]", read_toml(_file(home, CONFIG)).get(table, {}))
    if path := os.environ.get(f"{table}__{key}_file".upper()) or section.get(f"{key}_file"):
        return read_secret_file(Path(str(path)), home, f"{key}_file of {table}")
    command = os.environ.get(f"{table}__{key}_command".upper()) or section.get(f"{key}_command")
    if command:
        return run_secret_command(words(cast("str | list[str]", command)), home, f"{key}_command of {table}")
    return ""


def _given(home: Path, table: str, key: str) -> tuple[object, object]:
    """The value given for a key (None if unset), and its default. Secrets come from their own file."""
    refuse_unknown(home)
    (setting,) = (setting for setting in TABLES[table] if setting.name == key)
    file = _file(home, SECRETS if setting.secret else CONFIG)
    section = cast("Mapping[str, object]", read_toml(file).get(table, {}))
    return os.environ.get(f"{table}__{key}".upper()) or section.get(key), setting.default


def refuse_unknown(home: Path) -> None:
    """Raise ConfigurationError for the first unknown table or key, or for a file that is not TOML."""
    for mistake in find_unknown(home):
        raise mistake


def find_unknown(home: Path) -> Iterator[ConfigurationError]:
    """Return an error for each unknown table, key and variable.

    Skips the keys of connections, which only their provider knows, and a secrets file that this user may not
    read, because reading the warehouse does not need it. Raises ConfigurationError if a file is not TOML.
    """
    for file in (_file(home, CONFIG), _file(home, SECRETS)):
        if file.name == CONFIG or os.access(file, os.R_OK):
            for table, given in read_toml(file).items():
                yield from _unknown_in(file, table, given)
    yield from _unknown_variables()


def _unknown_in(file: Path, table: str, given: object) -> Iterator[ConfigurationError]:
    if not isinstance(given, Mapping):
        yield ConfigurationError(
            f"{table} in {file} is outside any table", "move it below the header of its table"
        )
    elif table == "sources":
        for key in (key for key, keys in given.items() if not isinstance(keys, Mapping)):
            yield ConfigurationError(
                f"{key} under [sources] in {file} does not belong to a connection",
                "move it below the header of its connection, such as [sources.belltastic]",
            )
    elif table in TABLES:
        for key, value in given.items():
            if table == "publish" and isinstance(value, Mapping):
                for inner in value:
                    yield from _unknown_key(file, f"publish.{key}", inner, DESTINATION)
            else:
                yield from _unknown_key(file, table, key, TABLES[table])
    elif table not in OF_DLT:
        yield ConfigurationError(
            f"{file} has an unknown table [{table}]", nearest(table, {*TABLES, "sources"})
        )


def _unknown_key(
    file: Path, table: str, key: str, settings: tuple[Setting, ...]
) -> Iterator[ConfigurationError]:
    known = {name: setting for setting in settings for name in names_of(setting)}
    if key not in known:
        yield ConfigurationError(f"[{table}] in {file} has an unknown key {key}", nearest(key, known))
    elif file.name == CONFIG and known[key].secret and key == known[key].name:
        yield ConfigurationError(
            f"{key} of [{table}] is a secret and is not read from {file}",
            f"move it into {file.with_name(SECRETS)}",
        )
    elif file.name == SECRETS and table != "notify" and not known[key].secret:
        yield ConfigurationError(
            f"{key} of [{table}] is not read from {file}", f"move it into {file.with_name(CONFIG)}"
        )


def _unknown_variables() -> Iterator[ConfigurationError]:
    """Find variables that look like a misspelled setting. Other programs use variables of this form too."""
    for variable in sorted(os.environ):
        table, separator, key = variable.partition("__")
        settings = TABLES.get(table.lower(), ())
        known = [name.upper() for setting in settings for name in names_of(setting)]
        near = get_close_matches(key, known, n=1, cutoff=LIKE_OURS) if separator else []
        if near and key not in known:
            yield ConfigurationError(
                f"the variable {variable} has no effect", f"did you mean {table}__{near[0]}?"
            )


def _file(home: Path, name: str) -> Path:
    return home.absolute() / ".dlt" / name


def connections_in(home: Path, name: str) -> tuple[str, ...]:
    """The connections with a table in one of the two files."""
    sources = read_toml(_file(home, name)).get("sources", {})
    return tuple(sources) if isinstance(sources, Mapping) else ()


def read_files(home: Path) -> None:
    """Raise ConfigurationError if one of the two files cannot be read or is not TOML."""
    for name in (CONFIG, SECRETS):
        read_toml(_file(home, name))


def read_toml(file: Path) -> dict[str, object]:
    """The tables of a file; none if there is no such file.

    Raises ConfigurationError if it cannot be read.
    """
    return parse_toml(read_text(file), file)


def parse_toml(text: str, file: Path) -> dict[str, object]:
    """The tables in the text of `file`. Raises ConfigurationError if it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML", f"correct it: {error}") from None


def read_text(file: Path) -> str:
    """The text of a file of settings, without a byte-order mark; empty if there is no such file.

    Raises ConfigurationError if it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8", "save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read", error.strerror or "") from None
