"""View of a publication to another warehouse: the rows per table, and what readers have now."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.table import Table
from rich.text import Text

from pipelines.cli.run_view import result_console
from pipelines.commands.publish import Publication


def show_publication(publication: Publication, *, as_json: bool) -> None:
    """Print a publication; with `as_json`, as one object."""
    if as_json:
        click.echo(json.dumps(asdict(publication), default=_spelled))
        return
    console = result_console()
    place = f"{publication.destination} ({publication.kind}, dataset {publication.dataset})"
    run = f"{publication.run_started_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if publication.is_current:
        console.print(Text(f"{place} already has the run of {run}; nothing was sent"), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("table", no_wrap=True)
    for heading in ("rows sent", "rows deleted"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in publication.tables:
        table.add_row(one.name, f"{one.rows_sent:,}", f"{one.rows_deleted:,}")
    console.print(table)
    console.print()
    for statement in publication.statements:
        console.print(Text(f"{statement};"), soft_wrap=True)
    end = (
        f"This was a dry run: {place} is unchanged"
        if publication.is_dry_run
        else f"Published the run of {run} to {place}"
    )
    console.print(Text(end), soft_wrap=True)


def _spelled(value: object) -> str:
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
