"""Views of the reading verbs' results: data on standard output, everything else on standard error."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.failures import note, note_excerpt
from pipelines.common.errors import sentences
from pipelines.common.sql import literal, read_sql
from pipelines.common.text import printable
from pipelines.output.cells import in_a_sentence, minute
from pipelines.output.headings import with_headings
from pipelines.output.result import Cut, Rows, json_pieces, rows_of, text_rows
from pipelines.output.writer import Output, write, write_text
from pipelines.warehouse.reader import Warehouse

if TYPE_CHECKING:
    from pipelines.commands.backup import Backup
    from pipelines.commands.changes import Changes
    from pipelines.commands.describe import Description
    from pipelines.commands.export import Export, Proof
    from pipelines.commands.export_all import ExportAll
    from pipelines.commands.forget import Forgettable
    from pipelines.commands.history import History
    from pipelines.commands.history_live import Live
    from pipelines.commands.migrate import Migrated
    from pipelines.commands.report import Report
    from pipelines.commands.restore import Restorable, Restored
    from pipelines.commands.status import Status
    from pipelines.commands.why import Reasons
    from pipelines.warehouse.lake_maintenance import Maintained

_DIFFERENCE = f"column_name || ': ' || {in_a_sentence('old_value')} || ' → ' || {in_a_sentence('new_value')}"


def show_rows(rows: Rows, output: Output, at_a_glance: str | None = None) -> None:
    """Show rows, as a table instead those of the SQL `at_a_glance`, and notes on how they were written."""
    if at_a_glance is not None and output.form == "table":
        rows = rows_of(rows.warehouse, at_a_glance, rows.parameters)
    written = write(rows, output)
    for left_out in written.left_out:
        note(left_out)
    if written.neutralised:
        note(f"{counted(written.neutralised, 'cell')} prefixed with ' against formulas; see --raw")
    _note_cut(written.cut)
    if output.path is not None:
        note(f"wrote {counted(written.rows, 'row')} to {output.path}")


def _at_a_glance(name: str, rows: Rows, **fragments: str) -> str:
    """SQL for `rows` as people read them: times to the minute, changes in a sentence."""
    return read_sql(f"queries/glance/{name}", rows=f"\n{rows.sql}\n", **fragments)


def show_description(description: "Description", output: Output) -> None:
    """Show the columns of a table or macro, and its description."""
    note(f"{description.name}: {description.comment or 'no description'}")
    show_rows(description.columns, output)


def show_report(warehouse: Warehouse, path: Path, output: Output) -> None:
    """Show the rows of one report, and how fresh they are."""
    from pipelines.commands.export import naming, proofs, read_report

    rows = read_report(warehouse, path)
    with naming(path):
        show_rows(with_headings(rows) if output.headings else rows, output)
    _note_freshness(proofs(warehouse))


def show_export(export: "Export", *, as_json: bool) -> None:
    """Show a line for each file, and how fresh they are."""
    if as_json:
        click.echo(json.dumps(_export_as_json(export), ensure_ascii=False, indent=1))
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
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
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
        "connections": [proof._asdict() for proof in export.connections],
    }


def _show_files(export: "Export") -> None:
    width = max((len(file.report) for file in export.files), default=0)
    for report, path, rows, neutralised, _ in export.files:
        formulas = f"  ({counted(neutralised, 'cell')} neutralised)" if neutralised else ""
        click.echo(printable(f"{report:{width}}  {counted(rows, 'row'):>14}  {path}{formulas}"))


def _note_export(export: "Export") -> None:
    for file in export.files:
        _note_cut(file.cut, file.report)
    if export.files:
        _note_freshness(export.connections)
    for failed in export.failed:
        note(f"rollcall: {sentences(failed.reason, failed.remedy)}")
        note_excerpt(failed.excerpt)


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
    show_rows(rows, output, _at_a_glance("status", rows, ages=_ages(rows, now), **times))
    if output.form == "table" and output.path is None:
        for line in _messages(status.connections):
            click.echo(line)


def _age_of(instant: str, now: datetime) -> str:
    """A time in ISO 8601, and in words how long ago that was."""
    return f"{instant} ({_in_words(datetime.fromisoformat(instant), now)})"


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


def show_history(history: "History", output: Output) -> None:
    """Show the subject, and a row for each version and changed column."""
    kind, key, name = history.subject
    note(f"{kind} {key}: {name}" if name else f"{kind} {key}")
    times = {column: minute(column) for column in ("valid_from", "valid_to")}
    at_a_glance = _at_a_glance("history", history.versions, difference=_DIFFERENCE, **times)
    show_rows(history.versions, output, at_a_glance)


def show_why(reasons: "Reasons", output: Output) -> None:
    """Show the subject, and a row for each event."""
    kind, key, name = reasons.subject
    note(f"{kind} {key}: {name}" if name else f"{kind} {key}")
    show_rows(reasons.events, output, _at_a_glance("why", reasons.events, run=minute("run")))


def show_live(live: "Live", output: Output) -> None:
    """Show a row for each field of a record: its known value, and the provider's current one."""
    differing = sum(field.differs for field in live.fields)
    note(f"project {live.key} differs in {counted(differing, 'field')}")
    show_rows(live.rows, output)


def show_changes(changes: "Changes", output: Output) -> None:
    """Show the changes, and the number of projects per kind."""
    times = {"changed_at": minute("changed_at")}
    show_rows(changes.rows, output, _at_a_glance("changes", changes.rows, difference=_DIFFERENCE, **times))
    note(
        f"{changes.created:,} created, {changes.changed:,} changed, "
        f"{changes.removed:,} removed, {changes.returned:,} returned"
    )


def show_page(report: "Report", *, as_json: bool) -> None:
    """Show where the report was written, and which connections are not up to date."""
    if as_json:
        file = None if report.file is None else str(report.file)
        click.echo(json.dumps(asdict(report) | {"file": file}, ensure_ascii=False, indent=1))
    elif report.file is not None:
        click.echo(printable(f"{report.file}: {counted(report.projects, 'project')} as of {report.run}"))
    for connection in report.stale:
        note(f"{connection} is not up to date, and the page says so")


def show_notebook(file: Path) -> None:
    """Show where the notebook was written, and how to open it."""
    click.echo(printable(f"wrote {file}; open it with: marimo edit {shlex.quote(str(file))}"))


def show_forgettable(found: "Sequence[Forgettable]") -> None:
    """Show a line for each project or file, with the records and versions to be erased."""
    for one in found:
        kind, key, name = one.subject
        named = f"{kind} {key}: {name}" if name else f"{kind} {key}"
        refused = f", {one.refused} in quarantine" if one.refused else ""
        note(f"{named}: {counted(one.versions, 'version')} of {counted(one.records, 'record')}{refused}")
        if one.named_by:
            note(
                f"{key} is still named as the parent customer in {', '.join(one.named_by)}: forget these too"
            )


def show_restored(restored: "Restored", *, as_json: bool) -> None:
    """Show which run is published again, and where the replaced file is."""
    warehouse, aside = restored.warehouse, restored.aside
    if as_json:
        last_run = restored.last_run and restored.last_run.isoformat()
        found = {
            "warehouse": str(warehouse),
            "source": str(restored.source),
            "last_run": last_run,
            "aside": aside and str(aside),
        }
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    run = _minute(restored.last_run)
    kept = f"; the replaced file is kept as {aside.name}" if aside else ""
    click.echo(printable(f"{warehouse.name} is now the run of {run}{kept}"))
    for line in restored.unfinished:
        note(line)


def show_restorable(found: "Sequence[Restorable]", *, as_json: bool) -> None:
    """A line for each file that could be restored: its last run, or why it cannot be."""
    if as_json:
        rows = [{**asdict(one), "last_run": one.last_run and one.last_run.isoformat()} for one in found]
        click.echo(json.dumps(rows, default=str, ensure_ascii=False, indent=1))
        return
    if not found:
        note("there is no earlier run next to the warehouse")
    width = max((len(one.file.name) for one in found), default=0)
    for one in found:
        shown = one.problem or f"the run of {_minute(one.last_run)}"
        click.echo(printable(f"{one.file.name:{width}}  {one.bytes / 1e6:9,.1f} MB  {shown}"))


def show_backup(made: "Backup", *, as_json: bool) -> None:
    """A line: where the copy is, and of which run."""
    if as_json:
        click.echo(json.dumps(asdict(made), default=str, ensure_ascii=False, indent=1))
        return
    verb = "holds" if made.existed else "now holds"
    size = f"{made.bytes / 1e6:,.1f} MB"
    click.echo(printable(f"{made.folder} {verb} the run of {made.run.started_at}, {size}, verified"))


def show_migrated(moved: "Migrated", *, as_json: bool) -> None:
    """A line: what was copied, and where it is."""
    if as_json:
        click.echo(json.dumps(asdict(moved), ensure_ascii=False, indent=1))
        return
    copied = f"{counted(moved.runs, 'run')}, {counted(moved.versions, 'version')}"
    click.echo(printable(f"{moved.target} now holds the history of {moved.source}: {copied}"))


def show_maintained(done: "Maintained", *, as_json: bool) -> None:
    """A line: how many snapshots have expired, and what became of files."""
    if as_json:
        click.echo(json.dumps(asdict(done), indent=1))
        return
    expired, merged = counted(done.snapshots_expired, "snapshot"), counted(done.tables_rewritten, "table")
    click.echo(f"expired {expired}, rewrote {merged}, deleted {counted(done.files_deleted, 'file')}")


def _minute(run: datetime | None) -> str:
    return f"{run:%Y-%m-%d %H:%M}" if run else "no run"


def counted(number: int, what: str) -> str:
    """`number` and `what`, in the plural if needed."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _note_cut(cut: Cut, report: str = "") -> None:
    if cut.cells:
        of = f"{report}: " if report else ""
        more = f" and {cut.cells - len(cut.first):,} more" if cut.cells > len(cut.first) else ""
        note(f"{of}{counted(cut.cells, 'cell')} cut to fit Excel: {', '.join(cut.first)}{more}")


def _note_freshness(proofs: "Sequence[Proof]") -> None:
    for proof in proofs:
        if not proof.is_fresh:
            last = f"last verified {proof.last_verified_at}" if proof.last_verified_at else "never verified"
            why = f" ({proof.outcome}: {proof.message})" if proof.message else ""
            note(f"{proof.connection} is not up to date: {last}{why}")
    if proofs and all(proof.is_fresh for proof in proofs):
        oldest = min(proof.last_verified_at or "" for proof in proofs)
        note(f"every connection is up to date: last verified {oldest} or later")
