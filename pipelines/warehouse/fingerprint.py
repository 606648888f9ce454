"""A fingerprint of the published file, which shows whether another program has written to it since."""

import contextlib
import hashlib
from pathlib import Path

from pipelines.common.database import HEADERS_BYTES
from pipelines.common.files import STATE_FOLDER


def is_as_published(copy: Path, warehouse: Path) -> bool:
    """Whether only runs have written to the published file, of which `copy` is a copy."""
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
    """The size of a file and a hash of its headers, in which DuckDB counts its writes."""
    with file.open("rb") as opened:
        headers = opened.read(HEADERS_BYTES)
    return f"{file.stat().st_size} {hashlib.sha256(headers).hexdigest()}"
