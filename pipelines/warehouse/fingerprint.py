"""A fingerprint of the published file, which shows whether it is what this Rollcall has published."""

import contextlib
from pathlib import Path

import duckdb

from pipelines.common.files import STATE_FOLDER, sha256_of
from pipelines.common.version import rollcall_version


def is_as_published(copy: Path, warehouse: Path) -> bool:
    """Whether `copy`, a copy of the published file, has every byte that this version's last run wrote."""
    try:
        return _fingerprint_path(warehouse).read_text(encoding="utf-8") == _fingerprint(copy)
    except (OSError, UnicodeDecodeError):
        return False


def note_published(warehouse: Path) -> None:
    """Write the fingerprint of the published file. Without it, the next run rebuilds the tables."""
    with contextlib.suppress(OSError):
        _fingerprint_path(warehouse).write_text(_fingerprint(warehouse), encoding="utf-8")


def _fingerprint_path(warehouse: Path) -> Path:
    return warehouse.parent / STATE_FOLDER / f"{warehouse.name}.fingerprint"


def _fingerprint(file: Path) -> str:
    """The versions of Rollcall and DuckDB, and the SHA-256 of a file."""
    return f"{rollcall_version()} {duckdb.__version__} {sha256_of(file)}"
