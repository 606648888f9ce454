"""The options of verbs that print rows or write files: the destination and the format."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import Command, NamedPath, names_directory, time_zone_option, zone_of

if TYPE_CHECKING:
    from pipelines.output.writer import Form, Output

# The values of `Form` for files.
FILE_FORMS = ("csv", "tsv", "json", "jsonl", "parquet", "arrow", "xlsx")


class FileOrDirectory(NamedPath):
    """A path that names a file if it ends like one."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Refuse the name of a file that ends in a slash."""
        if names_directory(value) and is_file_name(Path(value)):
            self.fail(f"{value} names a directory, and ends like a file: leave out the slash", param, ctx)
        return super().convert(value, param, ctx)


raw_option = click.option(
    "--raw", is_flag=True, help="Leave CSV and TSV cells that a spreadsheet would run as formulas."
)
excel_option = click.option(
    "--excel", is_flag=True, help="Write CSV that Excel opens correctly, with ids kept as text."
)


def output_file_option(about: str) -> Callable[[Command], Command]:
    """`--output FILE`; the command gets it as `file`. A dash is standard output."""
    return click.option(
        "-o",
        "--output",
        "file",
        type=NamedPath(dir_okay=False, allow_dash=True),
        metavar="FILE",
        help=about,
    )


def output_options(command: Command, more_forms: Sequence[str] = ()) -> Command:
    """Add the options of verbs that print rows; `command` gets them as one `output`."""

    @click.option(
        "--format",
        "form",
        type=click.Choice(["table", *FILE_FORMS, *more_forms]),
        help="Output format.  [default: by the extension of FILE, else table]",
    )
    @output_file_option("Write to a file; it appears complete or not at all.")
    @raw_option
    @excel_option
    @click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
    @click.option("--no-pager", is_flag=True, help="Do not use a pager.")
    @time_zone_option()
    @functools.wraps(command)
    def with_output(
        *args: object,
        form: "Form | None",
        file: Path | None,
        raw: bool,
        excel: bool,
        as_json: bool,
        no_pager: bool,
        time_zone: str | None,
        **others: object,
    ) -> None:
        from pipelines.output.writer import Output

        if as_json and form not in {None, "json"}:
            raise click.UsageError(f"--json and --format {form} contradict each other")
        path = None if file == Path("-") else file
        chosen = "json" if as_json else form or ("csv" if excel and path is None else form_of(path))
        refuse_excel(chosen, raw=raw, excel=excel)
        output = Output(chosen, path, raw, excel, not no_pager, zone_of(time_zone))
        command(*args, output=output, **others)

    return with_output


@dataclass(frozen=True)
class FileForm:
    """How a verb that writes files writes them, as given on the command line."""

    form: "Form | None"
    raw: bool
    excel: bool
    headings: bool
    time_zone: str | None

    def output(self, path: Path | None) -> "Output":
        """The output for this file, or for files that have no name yet; in UTC unless a zone was given."""
        from pipelines.output.writer import Output

        form = self.form or (form_of(path) if path else "csv")
        refuse_excel(form, raw=self.raw, excel=self.excel)
        if self.headings and form not in {"csv", "tsv", "xlsx"}:
            raise click.UsageError("--headings is for csv, tsv and xlsx")
        zone = zone_of(self.time_zone or "UTC")
        return Output(form, path, self.raw, self.excel, time_zone=zone, headings=self.headings)

    def workbook_zone(self) -> str:
        """The time zone of a workbook, which is that of the home unless one was given."""
        if self.raw or self.excel or self.form not in {None, "xlsx"}:
            raise click.UsageError("--workbook writes xlsx: leave out --format, --raw and --excel")
        return zone_of(self.time_zone)


def file_options(command: Command) -> Command:
    """Add the options of verbs that write files; `command` gets them as one `form`."""

    @click.option(
        "--format",
        "form",
        type=click.Choice(FILE_FORMS),
        help="Output format.  [default: by the extension of FILE, else csv]",
    )
    @raw_option
    @excel_option
    @click.option(
        "--headings", is_flag=True, help="Write headings for people, such as Client, not client_name."
    )
    @time_zone_option("UTC; with --workbook, [display] time_zone")
    @functools.wraps(command)
    def with_form(
        *args: object,
        form: "Form | None",
        raw: bool,
        excel: bool,
        headings: bool,
        time_zone: str | None,
        **others: object,
    ) -> None:
        command(*args, form=FileForm(form, raw, excel, headings, time_zone), **others)

    return with_form


def refuse_excel(form: str, *, raw: bool, excel: bool) -> None:
    """Raise UsageError if --excel is combined with what it cannot be combined with."""
    if excel and (raw or form != "csv"):
        raise click.UsageError("--excel writes CSV, and cannot be combined with --raw")


_ENDINGS: "dict[str, Form]" = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".xlsx": "xlsx",
}


def form_of(path: Path | None) -> "Form":
    """The form for a file's extension; a table for standard output, a device, or a name without one."""
    ending = path.suffix.lower() if path else ""
    if path is None or not ending or (path.exists() and not path.is_file()):
        return "table"
    if ending not in _ENDINGS:
        raise click.UsageError(
            f"{path.name} ends in none of {', '.join(_ENDINGS)}: rename it or set --format"
        )
    return _ENDINGS[ending]


def is_file_name(path: Path) -> bool:
    """Whether a path names a file to write, judged by its extension, rather than a directory."""
    return path.suffix.lower() in _ENDINGS and not path.is_dir()
