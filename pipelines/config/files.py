"""The two files of a configuration, `.dlt/config.toml` and `.dlt/secrets.toml`."""

import os
import shlex
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pipelines.common.errors import ConfigurationError
from pipelines.common.files import refuse_dangling
from pipelines.common.filesystem import user_name

CONFIG, SECRETS = "config.toml", "secrets.toml"


def settings_file(home: Path, name: str) -> Path:
    """The absolute path of the file `name`, `CONFIG` or `SECRETS`, of a home."""
    return home.absolute() / ".dlt" / name


def path_of(home: Path, given: str, named: str) -> Path:
    """The path `given` in a setting, a relative one being of the home.

    `named` is the key and its owner. Raises ConfigurationError if it begins with `~` and a user that does
    not exist.
    """
    try:
        return home / Path(given).expanduser()
    except RuntimeError:
        raise ConfigurationError(
            f"{named} is {given}, and there is no such user", "write out the whole path"
        ) from None


def connections_in(home: Path, name: str) -> tuple[str, ...]:
    """The names of the connections with a table in the file `name`. Raises as `read_toml` does."""
    sources = read_toml(settings_file(home, name)).get("sources", {})
    return tuple(sources) if isinstance(sources, Mapping) else ()


def destination_table(home: Path, file: str, name: str) -> Mapping[str, object]:
    """The table `[destination.NAME]` in `file`, `CONFIG` or `SECRETS`, of a home; empty if there is none.

    Raises ConfigurationError if it is not a table.
    """
    path = settings_file(home, file)
    destinations = read_toml(path).get("destination", {})
    table = destinations.get(name, {}) if isinstance(destinations, Mapping) else {}
    if not isinstance(table, Mapping):
        raise ConfigurationError(
            f"{name} under [destination] in {path} should be a table",
            f"write its keys below a header [destination.{name}]",
        )
    return table


def check_files(home: Path) -> None:
    """Raise ConfigurationError if one of the two files cannot be read or is not TOML."""
    for name in (CONFIG, SECRETS):
        read_toml(settings_file(home, name))


def read_toml(file: Path) -> dict[str, object]:
    """The tables of a file; none if there is no such file.

    Raises ConfigurationError if it cannot be read.
    """
    return parse_toml(read_text(file), file)


def parse_toml(text: str, file: Path) -> dict[str, object]:
    """The tables in the text of `file`. Raises ConfigurationError if it is not TOML."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigurationError(f"{file} is not valid TOML", "correct it: it is nested too deeply") from None
    except ValueError as error:  # a number of very many digits is not a TOMLDecodeError
        raise ConfigurationError(f"{file} is not valid TOML", f"correct it: {error}") from None


def read_text(file: Path) -> str:
    """The text of a file of settings, without a byte-order mark; empty if there is no such file.

    Raises ConfigurationError if it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        refuse_dangling(file)
        return ""
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} is not UTF-8", "save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read", error.strerror or "") from None


def refuse_open_secrets(home: Path) -> None:
    """Raise ConfigurationError if another user owns the secrets file, or can read it."""
    path = home / ".dlt" / SECRETS
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    if found.st_uid not in {os.geteuid(), 0}:  # root can read and write every file
        remedy = f"run: sudo chown {os.geteuid()}:{os.getegid()} {shlex.quote(str(path))}"
        if os.geteuid() == 0:  # given to root, the user that runs every night could not read it
            remedy = f"run this as {user_name(found.st_uid)}"
        raise ConfigurationError(f"{path} belongs to another user", remedy)
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(f"{path} can be read by others", f"run: chmod 600 {shlex.quote(str(path))}")
