"""Views of rows: data on standard output, everything else on standard error."""

from typing import TYPE_CHECKING

from pipelines.cli.failures import note
from pipelines.common.sql import read_sql
from pipelines.common.text import counted
from pipelines.output.cells import in_a_sentence, minute
from pipelines.output.result import Cut, Rows, rows_of
from pipelines.output.writer import Output, write

if TYPE_CHECKING:
    from pipelines.commands.changes import Changes
    from pipelines.commands.describe import Description
    from pipelines.commands.history import History
    from pipelines.commands.history_live import Live
    from pipelines.commands.why import Reasons


_DIFFERENCE = f"column_name || ': ' || {in_a_sentence('old_value')} || ' → ' || {in_a_sentence('new_value')}"


def show_rows(rows: Rows, output: Output, at_a_glance: str | None = None) -> None:
    """Show rows, and notes on how they were written. A table shows those of `at_a_glance`, which is SQL."""
    if at_a_glance is not None and output.form == "table":
        rows = rows_of(rows.warehouse, at_a_glance, rows.parameters)
    written = write(rows, output)
    for left_out in written.left_out:
        note(left_out)
    if written.neutralised:
        note(
            f"{counted(written.neutralised, 'cell')} prefixed with ' "
            "to keep spreadsheets from running formulas; see --raw"
        )
    note_cut(written.cut)
    if output.path is not None:
        note(f"wrote {counted(written.rows, 'row')} to {output.path}")


def at_a_glance_sql(name: str, rows: Rows, **fragments: str) -> str:
    """SQL for `rows` as people read them: times to the minute, changes in a sentence."""
    return read_sql(f"queries/glance/{name}", rows=f"\n{rows.sql}\n", **fragments)


def show_description(description: "Description", output: Output) -> None:
    """Show the columns of a table or macro, and its description."""
    note(f"{description.name}: {description.comment or 'no description'}")
    show_rows(description.columns, output)


def show_history(history: "History", output: Output) -> None:
    """Show the subject, and a row for each version and changed column."""
    kind, key, name = history.subject
    note(f"{kind} {key}: {name}" if name else f"{kind} {key}")
    times = {column: minute(column) for column in ("valid_from", "valid_to")}
    at_a_glance = at_a_glance_sql("history", history.versions, difference=_DIFFERENCE, **times)
    show_rows(history.versions, output, at_a_glance)


def show_why(reasons: "Reasons", output: Output) -> None:
    """Show the subject, and a row for each event."""
    kind, key, name = reasons.subject
    note(f"{kind} {key}: {name}" if name else f"{kind} {key}")
    show_rows(reasons.events, output, at_a_glance_sql("why", reasons.events, run=minute("run")))


def show_live(live: "Live", output: Output) -> None:
    """Show a row for each field of a record: its known value, and the provider's current one."""
    differing = sum(field.differs for field in live.fields)
    note(f"project {live.key} differs in {counted(differing, 'field')}")
    show_rows(live.rows, output)


def show_changes(changes: "Changes", output: Output) -> None:
    """Show the changes, and the number of projects per kind."""
    times = {"changed_at": minute("changed_at")}
    show_rows(changes.rows, output, at_a_glance_sql("changes", changes.rows, difference=_DIFFERENCE, **times))
    note(
        f"{changes.created:,} created, {changes.changed:,} changed, "
        f"{changes.removed:,} removed, {changes.returned:,} returned"
    )


def note_cut(cut: Cut, report: str = "") -> None:
    """Note the cells that were cut."""
    if cut.cells:
        of = f"{report}: " if report else ""
        more = f" and {cut.cells - len(cut.first):,} more" if cut.cells > len(cut.first) else ""
        note(f"{of}{counted(cut.cells, 'cell')} cut to fit Excel: {', '.join(cut.first)}{more}")
