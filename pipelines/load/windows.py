"""Windows: if a provider supports it, a run requests only the records created since a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb

from pipelines.common.sql import literal, read_sql
from pipelines.extract.connections import Connection

LARGEST_ZONE_DIFFERENCE = timedelta(hours=26)  # from UTC-12 to UTC+14
EARLIEST_FILE = datetime(1970, 1, 1, tzinfo=UTC)


def windows_due(
    db: duckdb.DuckDBPyConnection, connections: Sequence[Connection], now: datetime
) -> dict[str, datetime]:
    """The start of the window of each connection that is listed in part, by name.

    A connection is absent if its provider supports no windows, or if a full listing is due.
    """
    windows = {}
    for connection in connections:
        if not connection.provider.created_keys:
            continue
        every = connection.settings.integer("full_every_days")
        last_full, newest = _last_full_listing(db, connection.name, now)
        # Half a day of grace: a daily schedule never starts at exactly the same second.
        due = last_full is None or not every or now - last_full > timedelta(days=every - 0.5)
        if not due and newest is not None:
            windows[connection.name] = newest - timedelta(days=connection.settings.integer("lookback_days"))
    return windows


def with_margins(
    db: duckdb.DuckDBPyConnection, connections: Sequence[Connection], windows: Mapping[str, datetime]
) -> tuple[Connection, ...]:
    """The connections, with a margin before the windows of those whose timestamps have no offset.

    The time zone in which their servers read the start of a window is unknown. A record that a server leaves
    out for that reason must not count as removed.
    """
    return tuple(
        replace(one, window_margin=LARGEST_ZONE_DIFFERENCE)
        if one.name in windows and _has_local_times(db, one, windows[one.name])
        else one
        for one in connections
    )


def _has_local_times(db: duckdb.DuckDBPyConnection, connection: Connection, since: datetime) -> bool:
    """Whether the creation time of a known record created since then has no offset."""
    sent = ", ".join(f"payload ->> {literal(key)}" for key in connection.provider.created_keys)
    row = db.execute(
        read_sql("queries/load/has_local_times", created=sent),
        {"connection": connection.name, "since": since},
    ).fetchone()
    assert row is not None
    return bool(row[0])


def _last_full_listing(
    db: duckdb.DuckDBPyConnection, connection: str, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """When the connection was last listed in full and verified, and its newest known creation time.

    Ignores impossible times, such as one in the future or .NET's year 1, which would move the window away.
    """
    row = db.execute(
        read_sql("queries/load/last_full_listing"),
        {"connection": connection, "earliest": EARLIEST_FILE, "latest": now},
    ).fetchone()
    assert row is not None
    return row[0], row[1]
