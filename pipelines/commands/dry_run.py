"""What a run would change, read from the draft that it would publish."""

from dataclasses import dataclass
from datetime import datetime

import duckdb

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
    rows = draft.execute(
        f"""
        select project_key, name, change, column_name, old_value, new_value, count(*) over () as total
        from project_changes
        where changed_at = $1 and not is_minor and not is_first_listing
        order by project_key, change, column_name
        limit {SHOWN}
        """,
        [started_at],
    ).fetchall()
    first_listed = draft.execute(
        """
        select connection, count(*) from project_changes
        where changed_at = $1 and is_first_listing
        group by connection
        order by connection
        """,
        [started_at],
    ).fetchall()
    return Preview(rows[0][-1] if rows else 0, tuple(Change(*row[:-1]) for row in rows), tuple(first_listed))
