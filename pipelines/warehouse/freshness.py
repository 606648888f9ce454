"""How fresh each connection is: one definition for all views.

A run may sync only some connections, so this is per connection, not per run.
"""

from datetime import datetime
from typing import NamedTuple

import duckdb

from pipelines.common.sql import read_sql


class Freshness(NamedTuple):
    """When a connection was last synced and last verified, and the outcome of the last attempt.

    `is_fresh` says that its last attempt was verified, and began at most 36 hours before the last run of all.
    """

    connection: str
    last_attempt_at: datetime | None
    last_verified_at: datetime | None
    outcome: str | None
    message: str | None
    is_fresh: bool


def read_freshness(warehouse: duckdb.DuckDBPyConnection) -> tuple[Freshness, ...]:
    """Every connection that the warehouse knows, by name."""
    rows = warehouse.execute(read_sql("queries/freshness")).fetchall()
    return tuple(Freshness(*row) for row in rows)
