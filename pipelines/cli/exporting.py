"""Verbs that write files for others to read: export, report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import completion
from pipelines.cli.group import open_warehouse, verb
from pipelines.cli.options import FILE_FORMS, form_of, home, is_file_name, json_option, raw_option

if TYPE_CHECKING:
    from pipelines.output.writer import Form


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
    from pipelines.config.settings import exports_kept, exports_path
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
        with open_warehouse(output.folder) as warehouse:
            show_report(warehouse, reports[names[0]], output)
        return
    folder = output.folder or place or exports_path(home())
    if dated:
        made = export_all(home(), reports, folder, output, keep=exports_kept(home()))
        show_export_all(made, as_json=as_json)
        exported = made.export
    else:
        with open_warehouse(folder) as warehouse:
            exported = export(warehouse, reports, folder, output)
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
    with open_warehouse(folder) as warehouse:
        show_page(report(warehouse, since, output), as_json=as_json)
