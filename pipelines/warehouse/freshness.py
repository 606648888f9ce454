"""How fresh each connection is, and what its last run changed: one definition for all views.

A run may sync only some connections, so both are per connection, not per run.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb

FRESH_FOR = timedelta(hours=36)  # a day, and half of one for a run that starts late


class Freshness(NamedTuple):
    """When a connection was last synced and last verified, and the outcome of the last attempt.

    `is_fresh`: its last attempt was verified, at most `FRESH_FOR` before the last run.
    """

    connection: str
    last_attempt_at: datetime | None
    last_verified_at: datetime | None
    outcome: str | None
    message: str | None
    is_fresh: bool


# SQL over `connections`. Relative to the last run, not to now, so that a warehouse always gives the same
# report.
IS_FRESH = f"""coalesce(
    outcome = 'verified'
    and last_verified_at >= (
        select max(started_at) from runs
    ) - interval {FRESH_FOR // timedelta(seconds=1)} seconds,
    false
)"""


def read_freshness(warehouse: duckdb.DuckDBPyConnection) -> tuple[Freshness, ...]:
    """Every connection that the warehouse knows, by name."""
    rows = warehouse.execute(
        f"""
        select connection, last_attempt_at, last_verified_at, outcome, message, {IS_FRESH}
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
