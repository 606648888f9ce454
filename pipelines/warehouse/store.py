"""Where a run reads what is known and where it publishes: a file, or a lakehouse that machines share."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import duckdb

from pipelines.config.lake import lake_settings
from pipelines.config.settings import previous_kept, warehouse_access, warehouse_path
from pipelines.warehouse.draft import Draft


class Store(Protocol):
    """The warehouse of a home, as a run needs it.

    `name` is its name in messages. A `shared` store locks only the connections of a run, which must be known
    before; its drafts have no views.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def shared(self) -> bool: ...  # noqa: D102

    def is_empty(self) -> bool:
        """Whether there is no published run."""

    def is_lost(self) -> bool:
        """Whether there is neither a published run nor a copy of an earlier one."""

    def locked(self, connections: Sequence[str]) -> AbstractContextManager[Path]:
        """Hold the lock, with a new private scratch directory. Raises RunInProgress if it is held."""

    def probe(self, scratch: Path) -> tuple[str, ...]:
        """Try what a run does with files. Returns a line for each missing call that has a fallback."""

    def open_draft(self, scratch: Path, memory_mb: int) -> Draft:
        """Open a draft with what is known of the connections that are locked."""

    def start(self, db: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
        """The start of a run that begins `now`; no other run has the same."""

    def publish(self, draft: Path, scratch: Path) -> tuple[str, ...]:
        """Publish a closed draft. Returns a line for each failure after publication."""


def find_store(home: Path) -> Store:
    """The store of a home. Raises ConfigurationError if its settings are wrong."""
    lake = lake_settings(home)
    if lake is None:
        from pipelines.warehouse.file_store import FileStore

        return FileStore(warehouse_path(home), previous_kept(home), warehouse_access(home))
    from pipelines.warehouse.lake_store import LakeStore

    return LakeStore(lake, home)
