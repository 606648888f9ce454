"""Verbs that give the published tables to others: export, report, notebook, publish."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import completion
from pipelines.cli.group import open_warehouse, verb
from pipelines.cli.options import NamedPath, home, json_option
from pipelines.cli.output_options import (
    FileForm,
    FileOrDirectory,
    file_options,
    is_file_name,
    output_file_option,
)

if TYPE_CHECKING:
    from pipelines.output.writer import Output


@verb(
    "export",
    "rollcall export",
    "rollcall export --all",
    "rollcall export --all --excel --output shared",
    "rollcall export --workbook",
    "rollcall export projects --format xlsx",
    "rollcall export projects --output projects.parquet",
    "rollcall export projects --output - | head",
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.reports)
@click.option(
    "--all", "dated", is_flag=True, help="Export all reports into a folder for the last run, with a manifest."
)
@click.option(
    "--workbook",
    is_flag=True,
    help="Write one Excel workbook with a sheet for each report, for people.",
)
@click.option(
    "-o",
    "--output",
    "place",
    type=FileOrDirectory(allow_dash=True),
    metavar="DIR|FILE",
    help="Directory for the reports, or a file for one report; - prints it.  [default: exports, in the home]",
)
@file_options
@json_option
def _export(
    names: Sequence[str], dated: bool, workbook: bool, place: Path | None, form: FileForm, as_json: bool
) -> None:
    """Write all reports, or those named, to files.

    A report is a SELECT in sql/reports, of Rollcall or of the home. If one fails, the others are still
    written, and the exit code is 2. --all writes a new folder, then points the link `latest` at it, and keeps
    as many older folders as [exports] keep says.
    """
    from pipelines.commands.export import find_reports

    printed = place == Path("-")
    file = place if place and not printed and is_file_name(place) else None
    if workbook:
        if dated or printed:
            raise click.UsageError("--workbook writes one file: leave out --all and --output -")
        _export_workbook(find_reports(home(), names), place, form.workbook_zone(), as_json=as_json)
        return
    output = form.output(file)
    if dated and (names or printed or file):
        raise click.UsageError(
            "--all exports every report into a directory: leave out the names and the file"
        )
    if file and len(names) != 1:
        raise click.UsageError(f"{file} is a single file: name one report, or give a directory")
    if printed and (len(names) != 1 or as_json):
        raise click.UsageError("--output - prints exactly one report: name one, and leave out --json")
    reports = find_reports(home(), names)
    if printed:
        _print_report(reports[names[0]], output)
    elif dated:
        _export_dated(reports, place, output, as_json=as_json)
    else:
        _export_reports(reports, place, output, as_json=as_json)


def _print_report(report: Path, output: "Output") -> None:
    from pipelines.cli.exporting_views import show_report

    with open_warehouse(output.folder, time_zone=output.time_zone) as warehouse:
        show_report(warehouse, report, output)


def _export_dated(
    reports: Mapping[str, Path], folder: Path | None, output: "Output", *, as_json: bool
) -> None:
    from pipelines.cli.exporting_views import show_export_all
    from pipelines.commands.export_all import export_all
    from pipelines.config.settings import exports_kept, exports_path

    folder = folder or exports_path(home())
    made = export_all(home(), reports, folder, output, keep=exports_kept(home()))
    show_export_all(made, as_json=as_json)
    click.get_current_context().exit(made.export.exit_code)


def _export_reports(
    reports: Mapping[str, Path], place: Path | None, output: "Output", *, as_json: bool
) -> None:
    from pipelines.cli.exporting_views import show_export
    from pipelines.commands.export import export
    from pipelines.config.settings import exports_path

    folder = output.folder or place or exports_path(home())
    with open_warehouse(folder, time_zone=output.time_zone) as warehouse:
        exported = export(warehouse, reports, folder, output)
        show_export(exported, as_json=as_json)
    click.get_current_context().exit(exported.exit_code)


def _export_workbook(
    reports: Mapping[str, Path], place: Path | None, time_zone: str, *, as_json: bool
) -> None:
    from pipelines.cli.exporting_views import show_export
    from pipelines.commands.export_workbook import export_workbook
    from pipelines.config.settings import exports_path

    file = place if place and is_file_name(place) else (place or exports_path(home())) / "rollcall.xlsx"
    if file.suffix.lower() != ".xlsx":
        raise click.UsageError(f"a workbook ends in .xlsx, not in {file.suffix}")
    with open_warehouse(file.absolute().parent, time_zone=time_zone) as warehouse:
        exported = export_workbook(warehouse, reports, file, time_zone)
        show_export(exported, as_json=as_json)
    click.get_current_context().exit(exported.exit_code)


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
@output_file_option("File to write; - prints the page.  [default: report.html, in the exports directory]")
@json_option
def _report(since: str | None, file: Path | None, as_json: bool) -> None:
    """Write the current state and recent changes as one HTML page.

    The page is self-contained and needs no server, so you can send it to anyone.
    """
    from pipelines.cli.exporting_views import show_page
    from pipelines.commands.report import report
    from pipelines.config.settings import display_time_zone, exports_path
    from pipelines.output.writer import Output

    printed = file == Path("-")
    if printed and as_json:
        raise click.UsageError("--output - prints the page: leave out --json")
    output = Output() if printed else Output(path=file or exports_path(home()) / "report.html")
    folder = output.folder if file else exports_path(home())
    with open_warehouse(folder) as warehouse:
        show_page(report(warehouse, since, output, display_time_zone(home())), as_json=as_json)


@verb(
    "notebook",
    "rollcall notebook",
    "rollcall notebook weekly.py",
)
@click.argument("file", required=False, type=NamedPath(dir_okay=False))
def _notebook(file: Path | None) -> None:
    """Write a marimo notebook with charts, to start from.

    It goes to projects.py in the home, unless you name a FILE. It needs the packages of the extra `notebook`.
    """
    from pipelines.cli.exporting_views import show_notebook
    from pipelines.commands.notebook import NAME, notebook

    show_notebook(notebook(file or home() / NAME))


@verb(
    "publish",
    "rollcall publish --to bi",
    "rollcall publish --to bi --dry-run",
)
@click.option("--to", "name", required=True, metavar="NAME", help="The destination, as in [publish.NAME].")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and change nothing there.")
@json_option
def _publish(name: str, dry_run: bool, as_json: bool) -> None:
    """Publish the tables to another warehouse.

    The destination is a table [publish.NAME] in .dlt/config.toml: PostgreSQL, Snowflake, BigQuery, Delta on
    object storage and others. Only rows that differ from those at the destination are sent; rows that no
    longer exist are deleted there.
    """
    from pipelines.cli.failures import printing_a_result
    from pipelines.cli.publish_view import show_publication
    from pipelines.commands.publish import publish

    publication = publish(home(), name, dry_run=dry_run)
    with printing_a_result():
        show_publication(publication, as_json=as_json)
