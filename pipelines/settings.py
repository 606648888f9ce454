"""Where a home keeps its files: what every verb needs to know, read without importing dlt.

The order is dlt's: a variable such as `WAREHOUSE__PATH`, then `.dlt/config.toml`, then the default. Paths are
relative to the home.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import ConfigurationError


def warehouse_path(home: Path) -> Path:
    """The published warehouse, absolute. Raises ConfigurationError where the configuration cannot be read."""
    return _path(home, "warehouse", "warehouse.duckdb")


def exports_path(home: Path) -> Path:
    """The directory of the exports, absolute. Raises ConfigurationError as `warehouse_path` does."""
    return _path(home, "exports", "exports")


def logs_path(home: Path) -> Path:
    """The directory of the nights' logs, absolute. Raises ConfigurationError as `warehouse_path` does."""
    return _path(home, "logs", "logs")


def _path(home: Path, table: str, default: str) -> Path:
    given = os.environ.get(f"{table.upper()}__PATH") or _configured(home, table) or default
    return home.absolute() / Path(given).expanduser()


def _configured(home: Path, table: str) -> str | None:
    file = home.absolute() / ".dlt" / "config.toml"
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not TOML", str(error)) from None
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read", error.strerror or "") from None
    section = settings.get(table, {})
    path = section.get("path") if isinstance(section, Mapping) else section
    if path is None or isinstance(path, str):
        return path
    raise ConfigurationError(
        f"path of [{table}] in {file} should be a text, not {path!r}", 'write it as path = "…"'
    )
