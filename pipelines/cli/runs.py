"""Verbs that run a sync and show how the last one went: sync, status."""

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from pipelines.cli import completion
from pipelines.cli.group import open_warehouse, verb
from pipelines.cli.options import Command, home, json_option
from pipelines.cli.output_options import output_options

if TYPE_CHECKING:
    from pipelines.commands.sync import Options
    from pipelines.output.writer import Output


def _sync_options(command: Command) -> Command:
    """Add the options that choose what to sync; `command` gets them as one `options`."""

    @click.argument("connections", nargs=-1, metavar="[CONNECTION]...", shell_complete=completion.connections)
    @click.option(
        "--full", is_flag=True, help="Read everything, even where a run would read only a recent window."
    )
    @click.option(
        "--accept-removals",
        "accepted",
        multiple=True,
        metavar="CONNECTION=N",
        help="Accept that exactly N records of a connection are removed.",
    )
    @click.option(
        "--dry-run", is_flag=True, help="List and compare, show what would change, publish nothing."
    )
    @click.option(
        "--first-run", is_flag=True, help="Start a new history even though this home has published before."
    )
    @functools.wraps(command)
    def with_options(
        *args: object,
        connections: Sequence[str],
        full: bool,
        accepted: Sequence[str],
        dry_run: bool,
        first_run: bool,
        **others: object,
    ) -> None:
        from pipelines.commands.sync import Options

        options = Options(
            tuple(connections), full=full, accept=_accepted(accepted), dry_run=dry_run, first_run=first_run
        )
        command(*args, options=options, **others)

    return with_options


@verb(
    "sync",
    "rollcall sync",
    "rollcall sync matter --accept-removals matter=12",
)
@_sync_options
@click.option("--export", is_flag=True, help='Then export all reports, like "rollcall export --all".')
@click.option("--report", is_flag=True, help='Then write the page of "rollcall report".')
@click.option("--quiet", is_flag=True, help="Print nothing unless something is wrong.")
@json_option
def _sync(*, options: "Options", export: bool, report: bool, quiet: bool, as_json: bool) -> None:
    """Sync all connections, or those named, and publish the result.

    Publishes even if some connections fail; their rows stay as they were.
    """
    from pipelines.cli.after_sync import after_sync
    from pipelines.cli.failures import printing_a_result
    from pipelines.cli.run_view import print_run, result_console, run_json
    from pipelines.cli.sync_session import monitored_sync

    if options.dry_run and (export or report):
        raise click.UsageError("--dry-run publishes nothing: leave out --export and --report")
    afterwards = functools.partial(after_sync, home(), export=export, report=report)
    run = monitored_sync(home(), options, afterwards=afterwards, quiet=quiet)
    with printing_a_result():
        if as_json:
            click.echo(run_json(run))
        elif not quiet or run.exit_code or run.unfinished:
            print_run(run, result_console())
    click.get_current_context().exit(run.exit_code)


MOST_DIGITS = 19  # of a 64-bit integer


def _accepted(pairs: Sequence[str]) -> dict[str, int]:
    accepted = {}
    for pair in pairs:
        connection, _, number = pair.partition("=")
        if not (connection and number.isascii() and number.isdigit() and len(number) < MOST_DIGITS):
            raise click.BadParameter(f"{pair!r} is not CONNECTION=N", param_hint="--accept-removals")
        accepted[connection] = int(number)
    return accepted


@verb(
    "status",
    "rollcall status",
    "rollcall status --max-age 36h --json",
    "rollcall status --format prometheus",
)
@click.option(
    "--max-age",
    metavar="AGE",
    help="Exit with 3 if a connection was not verified within this time, such as 36h, 7d or 2w.",
)
@functools.partial(output_options, more_forms=("prometheus",))
def _status(max_age: str | None, output: "Output") -> None:
    """Show how fresh each connection is."""
    from pipelines.cli.status_view import show_status
    from pipelines.commands.changes import parse_time
    from pipelines.commands.status import status

    oldest = configured = None
    now = datetime.now(ZoneInfo(output.time_zone))
    if max_age is not None:
        from pipelines.extract.connections import configured_names

        oldest, configured = parse_time(max_age, now), configured_names(home())
    with open_warehouse(output.folder, time_zone=output.time_zone) as warehouse:
        found = status(warehouse, oldest, configured)
        if output.form == "prometheus":
            from pipelines.monitoring.metrics import metrics_text
            from pipelines.output.writer import write_text

            write_text(metrics_text(home(), warehouse), warehouse, output)
        else:
            show_status(found, output, now)
    click.get_current_context().exit(found.exit_code)
