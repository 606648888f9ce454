"""What a run would change, read from the draft that it would publish."""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.common.sql import read_sql

SHOWN = 50


@dataclass(frozen=True)
class Change:
    """One change: a column, or a project that was created, removed or returned."""

    project_key: str
    name: str | None
    change: str
    column_name: str | None
    old_value: str | None
    new_value: str | None


@dataclass(frozen=True)
class Preview:
    """The number of changes, and the first of them.

    They leave out what the first listing of a connection brings; `first_listed` has the number of these
    projects for each such connection.
    """

    total: int
    first: tuple[Change, ...]
    first_listed: tuple[tuple[str, int], ...] = ()


def preview(draft: duckdb.DuckDBPyConnection, started_at: datetime) -> Preview:
    """The changes that the run which started at `started_at` would add, without minor ones."""
    run = {"started_at": started_at}
    rows = draft.execute(read_sql("queries/dry_run/changes"), {**run, "shown": SHOWN}).fetchall()
    first_listed = draft.execute(read_sql("queries/dry_run/first_listed"), run).fetchall()
    return Preview(rows[0][-1] if rows else 0, tuple(Change(*row[:-1]) for row in rows), tuple(first_listed))
