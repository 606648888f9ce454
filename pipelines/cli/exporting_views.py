"""Views of the verbs that export: what was written, and how fresh it is."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.failures import note, note_excerpt
from pipelines.cli.printing import print_json
from pipelines.cli.read_views import note_cut, show_rows
from pipelines.common.errors import sentences
from pipelines.common.text import counted, printable
from pipelines.output.headings import with_headings
from pipelines.output.writer import Output
from pipelines.warehouse.reader import Warehouse

if TYPE_CHECKING:
    from pipelines.commands.export import ConnectionState, Export
    from pipelines.commands.export_all import ExportAll
    from pipelines.commands.report import Report


def show_report(warehouse: Warehouse, path: Path, output: Output) -> None:
    """Show the rows of one report, and how fresh they are."""
    from pipelines.commands.export import connection_states, naming, read_report

    rows = read_report(warehouse, path)
    with naming(path):
        show_rows(with_headings(rows) if output.headings else rows, output)
    _note_freshness(connection_states(warehouse))


def show_export(export: "Export", *, as_json: bool) -> None:
    """Show a line for each file, and how fresh they are."""
    if as_json:
        print_json(_export_as_json(export))
    else:
        _show_files(export)
    _note_export(export)


def show_export_all(made: "ExportAll", *, as_json: bool) -> None:
    """Show a line for each file, the link to the newest, and how fresh they are."""
    if as_json:
        found = {
            "folder": str(made.folder),
            "latest": str(made.latest),
            "existed": made.existed,
            "removed": [str(folder) for folder in made.removed],
            **_export_as_json(made.export),
        }
        print_json(found)
    else:
        _show_files(made.export)
        click.echo(printable(f"{made.latest} -> {made.folder.name}"))
    if made.existed:
        note(f"{made.folder.name} already exists with the same content")
    for folder in made.removed:
        note(f"removed {folder}")
    _note_export(made.export)


def _export_as_json(export: "Export") -> dict[str, object]:
    return {
        "files": [
            file._asdict() | {"file": str(file.file), "cut": file.cut._asdict()} for file in export.files
        ],
        "failed": [failed._asdict() for failed in export.failed],
        "connections": [state._asdict() for state in export.connections],
    }


def _show_files(export: "Export") -> None:
    width = max((len(file.report) for file in export.files), default=0)
    for report, path, rows, neutralised, _ in export.files:
        formulas = f"  ({counted(neutralised, 'cell')} neutralised)" if neutralised else ""
        click.echo(printable(f"{report:{width}}  {counted(rows, 'row'):>14}  {path}{formulas}"))


def _note_export(export: "Export") -> None:
    for file in export.files:
        note_cut(file.cut, file.report)
    if export.files:
        _note_freshness(export.connections)
    for failed in export.failed:
        note(f"rollcall: {sentences(failed.reason, failed.remedy)}")
        note_excerpt(failed.excerpt)


def show_page(report: "Report", *, as_json: bool) -> None:
    """Show where the report was written, and which connections are not up to date."""
    if as_json:
        file = None if report.file is None else str(report.file)
        print_json(asdict(report) | {"file": file})
    elif report.file is not None:
        click.echo(printable(f"{report.file}: {counted(report.projects, 'project')} as of {report.run}"))
    for connection in report.stale:
        note(f"{connection} is not up to date, and the page says so")


def show_notebook(file: Path) -> None:
    """Show where the notebook was written, and how to open it."""
    click.echo(printable(f"wrote {file}; open it with: marimo edit {shlex.quote(str(file))}"))


def _note_freshness(states: "Sequence[ConnectionState]") -> None:
    for state in states:
        if not state.is_fresh:
            last = f"last verified {state.last_verified_at}" if state.last_verified_at else "never verified"
            why = f" ({state.outcome}: {state.message})" if state.message else ""
            note(f"{state.connection} is not up to date: {last}{why}")
    if states and all(state.is_fresh for state in states):
        oldest = min(state.last_verified_at or "" for state in states)
        note(f"every connection is up to date: last verified {oldest} or later")
