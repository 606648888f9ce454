"""What a run asks for: its start, its connections, their windows, and what the warehouse knows of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import read_sql
from pipelines.extract.connections import Connection
from pipelines.extract.records import KnownRecords
from pipelines.load.windows import windows_due, with_margins
from pipelines.warehouse.runs import next_start

KnownListings = dict[tuple[str, str | None], KnownRecords]
"""The known records of each listing, by connection and scope."""


@dataclass(frozen=True)
class Plan:
    """What a run asks for. `windows` gives the start of the window of connections that are listed in part."""

    started_at: datetime
    connections: tuple[Connection, ...]
    windows: Mapping[str, datetime]
    known: KnownListings


def plan_run(
    db: duckdb.DuckDBPyConnection, connections: Sequence[Connection], now: datetime, *, full: bool = False
) -> Plan:
    """Plan a run that begins `now`; with `full`, without windows.

    Raises ConfigurationError if a connection had another provider before.
    """
    refuse_changed_provider(db, connections)
    started_at = next_start(db, now)
    windows = {} if full else windows_due(db, connections, started_at)
    asked = with_margins(db, _without_quotes(db, connections), windows)
    return Plan(started_at, asked, windows, known_records(db, connections, windows))


def known_records(
    db: duckdb.DuckDBPyConnection, connections: Sequence[Connection], windows: Mapping[str, datetime]
) -> KnownListings:
    """The known records of each listing, by connection and scope; for a window, only those created within it.

    Erased records are not known any more, nor is any text of an erased customer's files.
    """
    names = [connection.name for connection in connections]
    listings = db.execute(
        read_sql("queries/load/known_records"),
        {"connections": names, "starts": [windows.get(name) for name in names]},
    ).fetchall()
    return {(name, scope): dict(zip(texts, ids, strict=True)) for name, scope, texts, ids in listings}


def refuse_changed_provider(db: duckdb.DuckDBPyConnection, connections: Sequence[Connection]) -> None:
    """A name belongs to one account for ever: its keys must not come to mean another provider's projects."""
    rows = db.execute("select connection, provider from raw.connections").fetchall()
    known: dict[str, str] = dict(rows)
    for connection in connections:
        before = known.get(connection.name, connection.provider_name)
        if before != connection.provider_name:
            raise ConfigurationError(
                f"connection {connection.name} was of {before} and is now of {connection.provider_name}",
                "give the new account a name of its own",
            )


def _without_quotes(
    db: duckdb.DuckDBPyConnection, connections: Sequence[Connection]
) -> tuple[Connection, ...]:
    """The connections; a provider with erased records is not quoted, because it might name one of them."""
    erased_from = {name for (name,) in db.execute("select connection from raw.forgotten").fetchall()}
    return tuple(replace(one, may_quote=one.name not in erased_from) for one in connections)
