"""A DuckDB file as the store of runs."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from pipelines.common import filesystem
from pipelines.common.filesystem import Access
from pipelines.warehouse.draft import Draft, open_draft
from pipelines.warehouse.lock import locked
from pipelines.warehouse.older import keep_older
from pipelines.warehouse.paths import previous_path
from pipelines.warehouse.publish import publish


@dataclass(frozen=True)
class FileStore:
    """The published file at `path`; `keep` files of earlier runs stay next to it."""

    path: Path
    keep: int
    access: Access
    shared: bool = False

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def is_empty(self) -> bool:
        """Whether there is no published file."""
        return not self.path.exists()

    def is_lost(self) -> bool:
        """Whether there is neither a published file nor a previous one."""
        return not self.path.exists() and not previous_path(self.path).exists()

    @contextlib.contextmanager
    def locked(self, connections: Sequence[str]) -> Iterator[Path]:
        """Hold the lock of the file: one run at a time, even of different connections."""
        del connections
        with locked(self.path) as scratch:
            yield scratch

    def probe(self, scratch: Path) -> tuple[str, ...]:
        """Try what a run does with files."""
        return filesystem.probe(self.path, scratch)

    def open_draft(self, scratch: Path, memory_mb: int) -> Draft:
        """Open a copy of the published file."""
        return open_draft(self.path, scratch, memory_mb)

    def start(self, db: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
        """The lock leaves no other run to collide with."""
        del db
        return now

    def publish(self, draft: Path, scratch: Path) -> tuple[str, ...]:
        """Rename the draft over the published file."""
        keep_older(self.path, scratch, self.keep)
        return publish(draft, self.path, self.access)
