"""Where a home keeps its files: what every verb needs to know, read without importing dlt.

The order is dlt's: a variable such as `WAREHOUSE__PATH`, then `.dlt/config.toml`, then the default. Paths are
relative to the home.
"""

import contextlib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import ConfigurationError

EXPORTS_KEPT = 14
MEMORY_MB = 300


def warehouse_path(home: Path) -> Path:
    """The published warehouse, absolute: where it is a symbolic link, the file that this leads to.

    All that belongs to a warehouse is beside that file, and the link stays as it is. Raises
    ConfigurationError where the configuration cannot be read, or the link leads nowhere.
    """
    path = _path(home, "warehouse", "warehouse.duckdb")
    if not path.is_symlink():
        return path
    with contextlib.suppress(OSError, RuntimeError):  # what Python says of a loop depends on its version
        path = path.resolve()
    if path.is_symlink():
        raise ConfigurationError(f"{path} is a symbolic link that leads to itself", "remove it")
    return path


def exports_path(home: Path) -> Path:
    """The directory of the exports, absolute. Raises ConfigurationError as `warehouse_path` does."""
    return _path(home, "exports", "exports")


def exports_kept(home: Path) -> int:
    """How many dated folders of exports stay; 0 is all. Raises ConfigurationError where it is no number."""
    return _number(home, "exports", "keep", EXPORTS_KEPT)


def memory_mb(home: Path) -> int:
    """How much memory DuckDB may take in a night, in MB. Raises ConfigurationError where it is no number."""
    return _number(home, "warehouse", "memory_mb", MEMORY_MB)


def logs_path(home: Path) -> Path:
    """The directory of the nights' logs, absolute. Raises ConfigurationError as `warehouse_path` does."""
    return _path(home, "logs", "logs")


def _path(home: Path, table: str, default: str) -> Path:
    given = os.environ.get(f"{table.upper()}__PATH") or _configured(home, table, "path")
    if not (given is None or isinstance(given, str)):
        raise ConfigurationError(
            f"path of [{table}] in {_file(home)} should be a text, not {given!r}", 'write it as path = "…"'
        )
    return home.absolute() / Path(given or default).expanduser()


def _number(home: Path, table: str, key: str, default: int) -> int:
    given = os.environ.get(f"{table}__{key}".upper()) or _configured(home, table, key)
    if given is None:
        return default
    text = str(given)
    if not (text.isascii() and text.isdigit()):
        raise ConfigurationError(
            f"{key} of [{table}] should be a whole number, not {given!r}", f"write it as {key} = {default}"
        )
    return int(text)


def _file(home: Path) -> Path:
    return home.absolute() / ".dlt" / "config.toml"


def _configured(home: Path, table: str, key: str) -> object:
    section = read_toml(_file(home)).get(table, {})
    return section.get(key) if isinstance(section, Mapping) else section


def read_toml(file: Path) -> dict[str, object]:
    """The tables of a file, with or without a byte-order mark; none if there is no such file.

    Raises ConfigurationError if it cannot be read.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML", str(error)) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read", error.strerror or "") from None
