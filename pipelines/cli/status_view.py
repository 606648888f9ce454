"""The view of `rollcall status`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from pipelines.cli.failures import note
from pipelines.cli.read_views import at_a_glance_sql, show_rows
from pipelines.common.sql import literal
from pipelines.common.text import printable
from pipelines.output.cells import minute
from pipelines.output.result import Rows, json_pieces, text_rows
from pipelines.output.writer import Output, write_text

if TYPE_CHECKING:
    from pipelines.commands.status import Status


def show_status(status: "Status", output: Output, now: datetime) -> None:
    """Show the warehouse and its last run, and a row for each connection, with ages at the time `now`."""
    for stale in status.stale:
        when = f"last verified {stale.last_verified_at}" if stale.last_verified_at else "never verified"
        note(f"rollcall: {stale.connection} is stale: {when}")
    if output.form == "json":
        write_text(_status_as_json(status), status.connections.warehouse, output)
        return
    if output.form == "table" and output.path is None:
        run = status.last_run
        click.echo(printable(f"{status.warehouse}, {status.bytes / 1e6:,.1f} MB"))
        click.echo(f"last run {_age_of(run.started_at, now)}: {run.outcome}\n" if run else "no run yet\n")
    rows = status.connections
    times = {column: minute(column) for column in ("last_verified_at", "last_attempt_at")}
    show_rows(rows, output, at_a_glance_sql("status", rows, ages=_ages(rows, now), **times))
    if output.form == "table" and output.path is None:
        for line in _messages(status.connections):
            click.echo(line)


def _age_of(started_at: str, now: datetime) -> str:
    """A time in ISO 8601, and in words how long ago that was."""
    return f"{started_at} ({_in_words(datetime.fromisoformat(started_at), now)})"


def _in_words(then: datetime, now: datetime) -> str:
    """How long before `now` it was, such as "3 hours ago"."""
    import pendulum  # imported late, because it is slow to import

    return pendulum.format_diff(pendulum.instance(then).diff(pendulum.instance(now), abs=False))


def _ages(connections: Rows, now: datetime) -> str:
    """SQL for a row for each connection: its name, and in words how long ago it was verified."""
    found = connections.execute(f"select connection, last_verified_at from ({connections.sql})").fetchall()
    ages = [(name, _in_words(at, now)) for name, at in found if at is not None]
    values = ", ".join(f"({literal(name)}, {literal(age)})" for name, age in ages) or "(null, null)"
    return f"select * from (values {values}) as ages(connection, age)"


def _status_as_json(status: "Status") -> str:
    found = {
        "warehouse": str(status.warehouse),
        "bytes": status.bytes,
        "last_run": status.last_run and asdict(status.last_run),
        "connections": json.loads("".join(piece.text for piece in json_pieces(status.connections))),
        "stale": [asdict(stale) for stale in status.stale],
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _messages(connections: Rows) -> Iterator[str]:
    names = [column.name for column in connections.columns]
    for batch in text_rows(connections):
        for row in batch:
            connection = dict(zip(names, row, strict=True))
            name = connection["connection"]
            if connection["retired_at"]:
                yield printable(f"{name}: retired {connection['retired_at']}")
            elif connection["is_configured"] == "false":
                yield printable(f"{name}: no longer configured; `rollcall retire {name}` closes its rows")
            elif connection["message"]:
                yield printable(f"{name}: {connection['message']}")
