"""Verbs that answer questions from the warehouse: query, describe, history, why, changes."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pipelines.cli import completion
from pipelines.cli.failures import note
from pipelines.cli.group import open_warehouse, verb
from pipelines.cli.options import Command, NamedPath, SqlCommand, home, refuse_nan
from pipelines.cli.output_options import output_options

if TYPE_CHECKING:
    from pipelines.output.writer import Output


@verb(
    "query",
    'rollcall query "select provider, count(*) from projects group by all"',
    "rollcall query \"from projects_as_of('2026-11-01')\" --output projects.csv",
    "rollcall query --file report.sql --param status=active --json",
    cls=SqlCommand,
)
@click.argument("sql", required=False)
@click.option(
    "-f",
    "--file",
    "sql_file",
    type=NamedPath(exists=True, dir_okay=False),
    metavar="FILE",
    help="Read the SQL from a file.",
)
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value for $NAME in the SQL; DuckDB casts it to the type needed.",
)
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    callback=refuse_nan,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Longest time that the query may take.",
)
@click.option(
    "--as-of-run",
    metavar="WHEN",
    help="Read a lakehouse as it was after the last run begun by WHEN: a date, a time, or 7d for 7 days ago.",
)
@output_options
def _query(
    sql: str | None,
    sql_file: Path | None,
    parameters: Sequence[str],
    seconds: float,
    as_of_run: str | None,
    output: "Output",
) -> None:
    """Run one SELECT against the warehouse.

    Give it as an argument, with --file or on standard input. It can only read the warehouse.
    """
    from pipelines.cli.read_views import show_rows
    from pipelines.commands.as_of import as_of_notes
    from pipelines.commands.changes import parse_time
    from pipelines.commands.query import query, sql_errors_as_usage_errors

    asked, values = _sql(sql, sql_file), _parameters(parameters)
    run = parse_time(as_of_run, datetime.now(ZoneInfo(output.time_zone))) if as_of_run else None
    with (
        open_warehouse(output.folder, seconds, output.time_zone, run) as warehouse,
        sql_errors_as_usage_errors(asked),
    ):
        show_rows(query(warehouse, asked, values), output)
        for line in as_of_notes(warehouse, asked, values):
            note(line)


def _sql(argument: str | None, file: Path | None) -> str:
    if file is not None and argument is not None:
        raise click.UsageError("give the SQL as an argument or with --file, not both")
    if argument is not None and argument != "-":
        return argument[1:] if argument.startswith("\n--") else argument  # see SqlCommand
    if file is None and argument is None and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError("no SQL given: pass it as an argument, with --file or on standard input")
    try:
        return (file.read_bytes() if file else sys.stdin.buffer.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError(f"{file or 'standard input'} is not UTF-8") from None


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.removeprefix("$").lower()  # parameter names are not case-sensitive in DuckDB
        if not (name and equals):
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--param")
        if name in parameters:
            raise click.BadParameter(f"{name} is given twice", param_hint="--param")
        parameters[name] = value
    return parameters


@verb(
    "describe",
    "rollcall describe",
    "rollcall describe projects",
    "rollcall describe projects_as_of --format csv",
)
@click.argument("table", required=False, shell_complete=completion.tables)
@output_options
def _describe(table: str | None, output: "Output") -> None:
    """List the tables, or describe the columns of one.

    Without TABLE, list every table and table macro.
    """
    from pipelines.cli.read_views import show_description, show_rows
    from pipelines.commands.describe import describe, describe_all

    with open_warehouse(output.folder, time_zone=output.time_zone) as warehouse:
        if table is None:
            show_rows(describe_all(warehouse), output)
        else:
            show_description(describe(warehouse, table), output)


@verb(
    "history",
    "rollcall history matter:4711",
    "rollcall history 4711 --format csv",
)
@click.argument("key")
@click.option("--live", is_flag=True, help="Compare the warehouse with the provider's current data.")
@output_options
def _history(key: str, live: bool, output: "Output") -> None:
    """Show every version of one project or file.

    KEY is its key, or its id at the provider if that is unique.
    """
    from pipelines.cli.read_views import show_history, show_live
    from pipelines.commands.history import history

    with open_warehouse(output.folder, time_zone=output.time_zone) as warehouse:
        found = history(warehouse, key)
        if live:
            from pipelines.commands.history_live import live as ask_live

            show_live(ask_live(home(), warehouse, found.subject.key), output)
        else:
            show_history(found, output)


@verb(
    "why",
    "rollcall why matter:4711",
    "rollcall why 4711 --format json",
)
@click.argument("key")
@output_options
def _why(key: str, output: "Output") -> None:
    """Show the listing and payloads behind each version.

    Prints a row for every run that began, ended or refreshed a version, with the listing and the payloads
    before and after. KEY is the same as for history.
    """
    from pipelines.cli.read_views import show_why
    from pipelines.commands.why import why

    with open_warehouse(output.folder, time_zone=output.time_zone) as warehouse:
        show_why(why(warehouse, key), output)


def _filter(name: str, complete: completion.Completer, about: str) -> Callable[[Command], Command]:
    return click.option(
        f"--{name}", f"{name}s", multiple=True, metavar="NAME", shell_complete=complete, help=about
    )


@verb(
    "changes",
    "rollcall changes",
    "rollcall changes --since 7d --format csv",
    "rollcall changes --since 30d --column status --client 'Harbour Dental'",
    "rollcall changes --since 2026-11-01 --until 2026-12-01",
)
@click.option(
    "--since",
    default="last",
    show_default=True,
    metavar="WHEN",
    help="Start: a date or time, such as 2026-11-01; a time before now, such as 12h, 7d or 2w; or last, for "
    "the last run of each connection.",
)
@click.option("--until", metavar="WHEN", help="End, in the same form; not included.")
@_filter("provider", completion.providers, "Only projects of this provider.")
@_filter("connection", completion.connections, "Only projects of this connection.")
@_filter("client", completion.clients, "Only projects for this client, before or after the change.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["created", "changed", "removed", "returned"]),
    help="Only this kind of change.",
)
@_filter("column", completion.columns, "Only changes of this column, such as status.")
@output_options
def _changes(since: str, until: str | None, output: "Output", **filters: Sequence[str]) -> None:
    """List what the last run of each connection changed.

    Each filter can be given several times.
    """
    from pipelines.cli.read_views import show_changes
    from pipelines.commands.changes import Filters, changes, parse_time

    now = datetime.now(ZoneInfo(output.time_zone))
    begin = None if since == "last" else parse_time(since, now)
    end = None if until is None else parse_time(until, now)
    with open_warehouse(output.folder, time_zone=output.time_zone) as warehouse:
        show_changes(changes(warehouse, begin, end, Filters(**filters)), output)
