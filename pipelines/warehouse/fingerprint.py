"""A note of what was published. It shows whether another program has written to the file since then."""

import contextlib
import hashlib
from pathlib import Path

from pipelines.common.database import HEADERS_BYTES
from pipelines.common.files import STATE_FOLDER


def is_as_published(copy: Path, warehouse: Path) -> bool:
    """Whether only runs have written to the published file, of which `copy` is a copy."""
    try:
        return _note_of(warehouse).read_text(encoding="utf-8") == _fingerprint(copy)
    except (OSError, UnicodeDecodeError):
        return False


def note_published(warehouse: Path) -> None:
    """Record what was published. If a run is killed before this, the next one rebuilds the tables."""
    with contextlib.suppress(OSError):
        _note_of(warehouse).write_text(_fingerprint(warehouse), encoding="utf-8")


def _note_of(warehouse: Path) -> Path:
    return warehouse.parent / STATE_FOLDER / f"{warehouse.name}.fingerprint"


def _fingerprint(file: Path) -> str:
    """A mark that changes whenever DuckDB writes to a file: its size, and its headers, which count writes."""
    with file.open("rb") as opened:
        headers = opened.read(HEADERS_BYTES)
    return f"{file.stat().st_size} {hashlib.sha256(headers).hexdigest()}"
