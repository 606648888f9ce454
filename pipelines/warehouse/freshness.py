"""How fresh each connection is, and what its last night changed: the one definition that every view shares.

A night may ask some connections only, so both are a matter of each connection, not of the last night.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb

FRESH_FOR = timedelta(hours=36)  # a day, and half of one for a night that starts late


class Freshness(NamedTuple):
    """When a connection was last asked and last proven, and how that last attempt went.

    `is_fresh`: its last attempt was proven, at most `FRESH_FOR` before the last night.
    """

    connection: str
    last_attempt_at: datetime | None
    last_proven_at: datetime | None
    outcome: str | None
    message: str | None
    is_fresh: bool


# SQL over `connections`. Measured from the last night, not from now: one warehouse always gives one report.
IS_FRESH = f"""coalesce(
    outcome = 'proven'
    and last_proven_at >= (
        select max(started_at) from nights
    ) - interval {FRESH_FOR // timedelta(seconds=1)} seconds,
    false
)"""


def read_freshness(warehouse: duckdb.DuckDBPyConnection) -> tuple[Freshness, ...]:
    """Every connection that the warehouse knows, by name."""
    rows = warehouse.execute(
        f"""
        select connection, last_attempt_at, last_proven_at, outcome, message, {IS_FRESH}
        from connections
        order by connection
        """
    ).fetchall()
    return tuple(Freshness(*row) for row in rows)


def in_last_night(instant: str) -> str:
    """SQL: whether `instant`, of a row with a `project_key`, is the last night that asked its connection."""
    return f"""exists (
        select 1 from connections
        where
            connections.last_attempt_at = {instant}
            and starts_with(project_key, connections.connection || ':')
    )"""
