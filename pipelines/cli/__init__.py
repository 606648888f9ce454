"""The command line: it parses, calls and prints.

Imports only click and the standard library. Each verb imports what it needs.
"""

import atexit
import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import completion
from pipelines.cli.failures import Verbs
from pipelines.cli.options import (
    FILE_FORMS,
    Command,
    SqlCommand,
    form_of,
    home,
    home_option,
    is_file_name,
    json_option,
    output_options,
    raw_option,
)
from pipelines.common.version import DISTRIBUTION

if TYPE_CHECKING:
    from pipelines.commands.schedule import Scheduler
    from pipelines.output.writer import Form, Output
    from pipelines.warehouse.reader import Warehouse

# Imports and records create few cycles. With the defaults, the collector would scan them repeatedly.
COLLECT_RARELY = (50_000, 20, 100)


@click.group(
    "rollcall", cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@home_option("ROLLCALL_HOME", ".", "  [default: $ROLLCALL_HOME, else the current directory]")
@click.version_option(package_name=DISTRIBUTION, message="%(prog)s %(version)s")
def main() -> None:
    """Sync projects from five services into one DuckDB warehouse, with their full history."""
    gc.set_threshold(*COLLECT_RARELY)
    # The process ends with the verb, so a last search for garbage would be wasted.
    atexit.register(gc.freeze)


def verb(
    name: str, *examples: str, cls: type[click.Command] = click.Command
) -> Callable[[Command], click.Command]:
    """Add a command to `main`, with `--home`, and with examples below its help."""
    epilog = "\n".join(("\b", "Examples:" if examples else "", *(f"  {example}" for example in examples)))
    return lambda command: main.command(name, cls, epilog=epilog)(home_option()(command))


@verb(
    "init",
    "rollcall init belltastic matter",
    "rollcall init north=matter south=matter",
)
@click.argument("chosen", nargs=-1, metavar="[[NAME=]PROVIDER]...", shell_complete=completion.providers)
@json_option
def _init(chosen: Sequence[str], as_json: bool) -> None:
    """Write a configuration for providers, ready to fill in.

    Existing settings are never changed. To configure two accounts at one provider, give each a NAME.
    """
    from pipelines.cli.setup_views import show_init, show_providers
    from pipelines.commands.init import init, required_keys

    if not chosen:
        show_providers(required_keys(home()), as_json=as_json)
        if as_json or not (sys.stdin and sys.stdin.isatty()):
            return
        chosen = click.prompt("Which providers").replace(",", " ").split()
    show_init(init(home(), chosen), home(), as_json=as_json)


@verb(
    "doctor",
    "rollcall doctor",
    "rollcall doctor matter --json",
)
@click.argument("connections", nargs=-1, metavar="[CONNECTION]...", shell_complete=completion.connections)
@click.option(
    "--send-notice", is_flag=True, help="Send a test notice to every channel in [notify]. It raises no alarm."
)
@json_option
def _doctor(connections: Sequence[str], send_notice: bool, as_json: bool) -> None:
    """Check everything a run needs, without starting one.

    Reads one page of each listing. Shows how to fix each failed check.
    """
    from pipelines.cli.setup_views import show_examination
    from pipelines.commands.doctor import doctor

    examination = doctor(home(), connections, send_notice=send_notice)
    show_examination(examination, as_json=as_json)
    click.get_current_context().exit(examination.exit_code)


@verb(
    "sync",
    "rollcall sync",
    "rollcall sync matter --accept-removals matter=12",
)
@click.argument("connections", nargs=-1, metavar="[CONNECTION]...", shell_complete=completion.connections)
@click.option(
    "--full", is_flag=True, help="Read everything, also where a run would read a recent window only."
)
@click.option(
    "--accept-removals",
    "accepted",
    multiple=True,
    metavar="CONNECTION=N",
    help="Accept that exactly N records of a connection are removed.",
)
@click.option("--dry-run", is_flag=True, help="List and compare, show what would change, publish nothing.")
@click.option(
    "--first-run", is_flag=True, help="Start a new history although this home has published before."
)
@click.option("--quiet", is_flag=True, help="Print nothing unless something is wrong.")
@json_option
def _sync(
    connections: Sequence[str],
    full: bool,
    accepted: Sequence[str],
    dry_run: bool,
    first_run: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Sync all connections, or those named, and publish the result.

    Publishes even if some connections fail; their rows stay as they were.
    """
    from pipelines.cli.failures import telling_what_is_done
    from pipelines.cli.run_view import print_run, result_console, run_json
    from pipelines.cli.sync_session import watched_sync

    run = watched_sync(
        home(),
        connections,
        full=full,
        accept=_accepted(accepted),
        dry_run=dry_run,
        first_run=first_run,
        quiet=quiet,
    )
    with telling_what_is_done():
        if as_json:
            click.echo(run_json(run))
        elif not quiet or run.exit_code or run.unfinished:
            print_run(run, result_console())
    click.get_current_context().exit(run.exit_code)


def _accepted(pairs: Sequence[str]) -> dict[str, int]:
    accepted = {}
    for pair in pairs:
        connection, _, number = pair.partition("=")
        if not (connection and number.isascii() and number.isdigit()):
            raise click.BadParameter(f"{pair!r} is not CONNECTION=N", param_hint="--accept-removals")
        accepted[connection] = int(number)
    return accepted


@verb(
    "schedule",
    "rollcall schedule cron --at 05:15 --install",
    "rollcall schedule systemd --time-zone Europe/Berlin",
    "rollcall schedule github --package git+https://HOST/OWNER/REPOSITORY@COMMIT",
)
@click.argument("scheduler", type=click.Choice(["cron", "systemd", "github", "kubernetes"]))
@click.option(
    "--at",
    type=click.DateTime(["%H:%M"]),
    default="04:30",  # no time zone skips or repeats it when its clocks change
    show_default=True,
    metavar="HH:MM",
    help="Time of day at which the run starts.",
)
@click.option("--time-zone", "zone", metavar="ZONE", help="Time zone of --at.  [default: this machine's]")
@click.option("--image", default="", help="Container image that Kubernetes runs.")
@click.option(
    "--package", default="", metavar="URL", help="What GitHub installs: a commit, as git+https://…@COMMIT."
)
@click.option("--install", "to_install", is_flag=True, help="Install it in cron or systemd for this user.")
@json_option
def _schedule(
    scheduler: "Scheduler",
    at: datetime,
    zone: str | None,
    image: str,
    package: str,
    to_install: bool,
    as_json: bool,
) -> None:
    """Print a nightly schedule for a scheduler, or install it."""
    from pipelines.cli.setup_views import show_installed, show_schedule
    from pipelines.commands.schedule import install, schedule

    made = schedule(home(), scheduler, at=at.time(), zone=zone, image=image, package=package)
    if to_install:
        show_installed(made, install(made, home()), as_json=as_json)
    else:
        show_schedule(made, as_json=as_json)


@verb("demo", "rollcall demo", "rollcall demo /tmp/rollcall-demo")
@click.argument("directory", default="demo", type=click.Path(file_okay=False, path_type=Path))
@json_option
def _demo(directory: Path, as_json: bool) -> None:
    """Play three runs against simulated providers.

    Needs no account. Leaves the resulting warehouse in DIRECTORY for you to explore.
    """
    from pipelines.cli.run_view import demo_json, print_demo, print_demo_run, result_console
    from pipelines.common.extras import needing

    with needing("sandbox"):
        from pipelines.commands.demo import demo

    place, console = home() / directory, result_console()
    played = demo(place, lambda run: None if as_json else print_demo_run(run, console))
    if as_json:
        click.echo(demo_json(played))
    else:
        print_demo(played, console)


@verb(
    "sandbox",
    "rollcall sandbox --init try",
    "rollcall sandbox --port 8765 --projects 500",
)
@click.option(
    "--init",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write a home connected to it, instead of printing the configuration.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port to listen on; 0 means any free one.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed for generating the records.")
@click.option(
    "--projects",
    type=click.IntRange(0),
    default=40,
    show_default=True,
    help="Number of projects at each provider.",
)
@click.option(
    "--files", type=click.IntRange(0), default=120, show_default=True, help="Number of files at EvoVoice."
)
@click.option(
    "--latency", type=click.FloatRange(0), default=0, metavar="SECONDS", help="Delay before every answer."
)
def _sandbox(directory: Path | None, port: int, seed: int, projects: int, files: int, latency: float) -> None:
    """Serve simulated versions of the five providers."""
    from pipelines.common.extras import needing

    with needing("sandbox"):
        from pipelines.commands.sandbox_home import introduce_home, refuse_foreign
        from pipelines.sandbox import configuration_texts, serve

    place = None if directory is None else home() / directory
    if place is not None:
        refuse_foreign(place)
    serve(
        seed=seed,
        projects=projects,
        files=files,
        port=port,
        latency_s=latency,
        announce=click.echo,
        introduce=lambda one: introduce_home(place, one) if place else configuration_texts(one),
    )


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
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
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
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="Longest time that the query may take.",
)
@output_options
def _query(
    sql: str | None,
    sql_file: Path | None,
    parameters: Sequence[str],
    seconds: float,
    output: "Output",
) -> None:
    """Run one SELECT against the warehouse.

    Give it as an argument, with --file or on standard input. It can only read the warehouse.
    """
    from pipelines.cli.read_views import show_rows
    from pipelines.commands.query import query, sql_errors_as_usage_errors

    asked, values = _sql(sql, sql_file), _parameters(parameters)
    with _warehouse(output.folder, seconds) as warehouse, sql_errors_as_usage_errors(asked):
        show_rows(query(warehouse, asked, values), output)


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


@contextlib.contextmanager
def _warehouse(folder: Path | None, seconds: float | None = None) -> Iterator["Warehouse"]:
    """Open the warehouse of the home; output files go to `folder`."""
    from pipelines.config.settings import warehouse_path
    from pipelines.warehouse.reader import open_warehouse

    with open_warehouse(warehouse_path(home()), seconds=seconds, workspace_in=folder) as warehouse:
        yield warehouse


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

    with _warehouse(output.folder) as warehouse:
        if table is None:
            show_rows(describe_all(warehouse), output)
        else:
            show_description(describe(warehouse, table), output)


@verb(
    "export",
    "rollcall export",
    "rollcall export --all",
    "rollcall export --all --excel --output shared",
    "rollcall export projects --format xlsx",
    "rollcall export projects --output projects.parquet",
    "rollcall export projects --output - | head",
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.reports)
@click.option(
    "--format",
    "form",
    type=click.Choice(FILE_FORMS),
    help="Output format.  [default: by the extension of FILE, else csv]",
)
@click.option(
    "--all", "dated", is_flag=True, help="Export all reports into a folder for the last run, with a manifest."
)
@click.option(
    "-o",
    "--output",
    "place",
    type=click.Path(allow_dash=True, path_type=Path),
    metavar="DIR|FILE",
    help="Directory for the reports, or a file for one report; - prints it.  [default: exports, in the home]",
)
@raw_option
@click.option("--excel", is_flag=True, help="Write CSV that Excel opens correctly, with ids kept as text.")
@json_option
def _export(
    names: Sequence[str],
    form: "Form | None",
    dated: bool,
    place: Path | None,
    raw: bool,
    excel: bool,
    as_json: bool,
) -> None:
    """Write all reports, or those named, to files.

    A report is a SELECT in sql/reports, of Rollcall or of the home. If one fails, the others are still
    written, and the exit code is 2. --all writes a new folder, then points the link `latest` at it, and keeps
    as many older folders as [exports] keep says.
    """
    from pipelines.cli.read_views import show_export, show_export_all, show_report
    from pipelines.commands.export import export, find_reports
    from pipelines.commands.export_all import export_all
    from pipelines.config.settings import exports_kept, exports_path, warehouse_path
    from pipelines.output.writer import Output

    printed = place == Path("-")
    file = place if place and not printed and is_file_name(place) else None
    output = Output(form or (form_of(file) if file else "csv"), file, raw, excel)
    if excel and (raw or output.form != "csv"):
        raise click.UsageError("--excel writes CSV, and cannot be combined with --raw")
    if dated and (names or printed or file):
        raise click.UsageError(
            "--all exports every report into a directory: leave out the names and the file"
        )
    if file and len(names) != 1:
        raise click.UsageError(f"{file} is a single file: name one report, or give a directory")
    reports = find_reports(home(), names)
    if printed:
        if len(names) != 1 or as_json:
            raise click.UsageError("--output - prints exactly one report: name one, and leave out --json")
        with _warehouse(output.folder) as warehouse:
            show_report(warehouse, reports[names[0]], output)
        return
    folder = output.folder or place or exports_path(home())
    if dated:
        made = export_all(warehouse_path(home()), reports, folder, output, keep=exports_kept(home()))
        show_export_all(made, as_json=as_json)
        exported = made.export
    else:
        with _warehouse(folder) as warehouse:
            exported = export(warehouse, reports, folder, output)
            show_export(exported, as_json=as_json)
    click.get_current_context().exit(exported.exit_code)


@verb(
    "status",
    "rollcall status",
    "rollcall status --max-age 36h --json",
)
@click.option(
    "--max-age",
    metavar="AGE",
    help="Exit with 3 if a connection was not verified within this time, such as 36h, 7d or 2w.",
)
@output_options
def _status(max_age: str | None, output: "Output") -> None:
    """Show how fresh each connection is."""
    from pipelines.cli.read_views import show_status
    from pipelines.commands.changes import moment
    from pipelines.commands.status import status

    oldest = configured = None
    if max_age is not None:
        from pipelines.extract.connections import configured_names

        oldest, configured = moment(max_age, datetime.now(UTC)), configured_names(home())
    with _warehouse(output.folder) as warehouse:
        found = status(warehouse, oldest, configured)
        show_status(found, output)
    click.get_current_context().exit(found.exit_code)


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

    with _warehouse(output.folder) as warehouse:
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

    with _warehouse(output.folder) as warehouse:
        show_why(why(warehouse, key), output)


@verb(
    "changes",
    "rollcall changes",
    "rollcall changes --since 7d --format csv",
    "rollcall changes --since 2026-11-01 --until 2026-12-01",
)
@click.option(
    "--since",
    default="last",
    show_default=True,
    metavar="WHEN",
    help="Start: a date or time in UTC, such as 2026-11-01; a time before now, such as 12h, 7d or 2w; "
    "or last, for the last "
    "run of each connection.",
)
@click.option("--until", metavar="WHEN", help="End, in the same form; not included.")
@output_options
def _changes(since: str, until: str | None, output: "Output") -> None:
    """List what the last run of each connection changed."""
    from pipelines.cli.read_views import show_changes
    from pipelines.commands.changes import changes, moment

    now = datetime.now(UTC)
    begin = None if since == "last" else moment(since, now)
    end = None if until is None else moment(until, now)
    with _warehouse(output.folder) as warehouse:
        show_changes(changes(warehouse, begin, end), output)


@verb(
    "report",
    "rollcall report",
    "rollcall report --since 2026-11-01 --output projects.html",
)
@click.option(
    "--since",
    metavar="WHEN",
    help="Start of the chosen period: a date or time in UTC, such as 2026-11-01; or a time before the last "
    "run, such as 12h, 7d or 2w.  [default: 30 days]",
)
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="File to write; - prints the page.  [default: report.html, in the exports directory]",
)
@json_option
def _report(since: str | None, file: Path | None, as_json: bool) -> None:
    """Write the current state and recent changes as one HTML page.

    The page is self-contained and needs no server, so you can send it to anyone.
    """
    from pipelines.cli.read_views import show_page
    from pipelines.commands.report import report
    from pipelines.config.settings import exports_path
    from pipelines.output.writer import Output

    printed = file == Path("-")
    if printed and as_json:
        raise click.UsageError("--output - prints the page: leave out --json")
    output = Output() if printed else Output(path=file or exports_path(home()) / "report.html")
    folder = output.folder if file else exports_path(home())
    with _warehouse(folder) as warehouse:
        show_page(report(warehouse, since, output), as_json=as_json)


@verb(
    "forget",
    "rollcall forget belltastic:5",
    "rollcall forget evovoice:c17 evovoice:c18 --yes",
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def _forget(keys: tuple[str, ...], yes: bool) -> None:
    """Erase projects or files from the warehouse permanently.

    Erases everything received about them from the published file and the earlier runs beside it. Only a
    pseudonym and the validity periods remain. Delete exports, reports, logs and backups yourself.
    """
    from pipelines.cli.failures import note
    from pipelines.cli.read_views import show_forgettable
    from pipelines.commands.forget import forget, look_up
    from pipelines.common.errors import UsageError

    found = look_up(home(), keys)
    show_forgettable(found)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "nobody can confirm this: standard input is not a terminal",
                "give --yes to erase this permanently",
            )
        click.confirm("Erase this permanently?", abort=True, err=True)
    for aside in forget(home(), found):
        note(f"removed {aside}")
    note("erased; earlier exports, reports, logs and copies may still contain it")


@verb("backup", "rollcall backup /srv/backup/rollcall")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@json_option
def _backup(directory: Path, as_json: bool) -> None:
    """Copy the published warehouse into DIR, and verify the copy.

    The copy is in a folder named after its last run, with a manifest. You can make one at any time, also
    during a run.
    """
    from pipelines.cli.read_views import show_backup
    from pipelines.commands.backup import backup

    show_backup(backup(home(), directory), as_json=as_json)


@verb(
    "restore",
    "rollcall restore",
    "rollcall restore --list",
    "rollcall restore warehouse.previous-2.duckdb",
    "rollcall restore /srv/backup/rollcall/20261103T020000Z",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--list", "to_list", is_flag=True, help="Show which earlier runs are beside the warehouse.")
@json_option
def _restore(file: Path | None, to_list: bool, as_json: bool) -> None:
    """Publish an earlier run again.

    Without FILE it is the previous run's file. FILE is another that --list shows, any file, or the folder
    of a backup. The replaced file is kept under another name. No run may be in progress.
    """
    from pipelines.cli.failures import telling_what_is_done
    from pipelines.cli.read_views import show_restorable, show_restored
    from pipelines.commands.restore import restorable, restore

    if to_list and file is not None:
        raise click.UsageError("--list takes no FILE")
    if to_list:
        show_restorable(restorable(home()), as_json=as_json)
        return
    restored = restore(home(), file)
    with telling_what_is_done():
        show_restored(restored, as_json=as_json)
