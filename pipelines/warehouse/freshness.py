"""How fresh each connection is, and what its last run changed: the one definition that every view shares.

A run may ask some connections only, so both are a matter of each connection, not of the last run.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb

FRESH_FOR = timedelta(hours=36)  # a day, and half of one for a run that starts late


class Freshness(NamedTuple):
    """When a connection was last asked and last verified, and how that last attempt went.

    `is_fresh`: its last attempt was verified, at most `FRESH_FOR` before the last run.
    """

    connection: str
    last_attempt_at: datetime | None
    last_verified_at: datetime | None
    outcome: str | None
    message: str | None
    is_fresh: bool


# SQL over `connections`. Measured from the last run, not from now: one warehouse always gives one report.
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
    """SQL: whether `instant`, of a row with a `project_key`, is the last run that asked its connection."""
    return f"""exists (
        select 1 from connections
        where
            connections.last_attempt_at = {instant}
            and starts_with(project_key, connections.connection || ':')
    )"""
