"""How fresh each connection is, and what its last run changed: one definition for all views.

A run may sync only some connections, so both are per connection, not per run.
"""

from datetime import datetime
from typing import NamedTuple

import duckdb


class Freshness(NamedTuple):
    """When a connection was last synced and last verified, and the outcome of the last attempt.

    `is_fresh`: its last attempt was verified, at most 36 hours before the last run.
    """

    connection: str
    last_attempt_at: datetime | None
    last_verified_at: datetime | None
    outcome: str | None
    message: str | None
    is_fresh: bool


def read_freshness(warehouse: duckdb.DuckDBPyConnection) -> tuple[Freshness, ...]:
    """Every connection that the warehouse knows, by name."""
    rows = warehouse.execute(
        """
        select connection, last_attempt_at, last_verified_at, outcome, message, is_fresh
        from connections
        order by connection
        """
    ).fetchall()
    return tuple(Freshness(*row) for row in rows)


def in_last_run(instant: str) -> str:
    """SQL: whether `instant`, of a row with a `project_key`, is the last run of its connection."""
    return f"""exists (
        select 1 from connections
        where
            connections.last_attempt_at = {instant}
            and starts_with(project_key, connections.connection || ':')
    )"""
