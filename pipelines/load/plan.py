"""The plan of a run: its start, its connections, their windows, and what the warehouse knows of each."""

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
    """The plan of a run. `windows` has the start of the window of each connection that is listed in part."""

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
    planned = with_margins(db, _without_quotes(db, connections), windows)
    return Plan(started_at, planned, windows, known_records(db, connections, windows))


def known_records(
    db: duckdb.DuckDBPyConnection, connections: Sequence[Connection], windows: Mapping[str, datetime]
) -> KnownListings:
    """The known records of each listing, by connection and scope; for a window, only those created within it.

    Leaves out erased records, and the texts of an erased customer's files.
    """
    names = [connection.name for connection in connections]
    listings = db.execute(
        read_sql("queries/load/known_records"),
        {"connections": names, "starts": [windows.get(name) for name in names]},
    ).fetchall()
    return {(name, scope): dict(zip(texts, ids, strict=True)) for name, scope, texts, ids in listings}


def refuse_changed_provider(db: duckdb.DuckDBPyConnection, connections: Sequence[Connection]) -> None:
    """Raise ConfigurationError if a connection had another provider before.

    Its keys would then mean projects of both providers.
    """
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
    """The connections, of which those with erased records are not quoted: they might name such a record."""
    erased_from = {name for (name,) in db.execute("select connection from raw.forgotten").fetchall()}
    return tuple(replace(one, may_quote=one.name not in erased_from) for one in connections)
