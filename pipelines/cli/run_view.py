"""View of a run's result: a line per listing, what needs attention, and what to do next."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.common.text import counted, printable

if TYPE_CHECKING:
    from pipelines.commands.demo import Demo, DemoRun
    from pipelines.commands.dry_run import Change, Preview
    from pipelines.commands.sync_result import ListingResult, Run

REASONS = {
    "created": "listed for the first time",
    "removed": "missing from a verified listing",
    "returned": "listed again, under its old key",
}
PIPE_WIDTH = 160
COUNTS = ("records", "new", "changed", "removed", "unchanged", "held_back", "quarantined")


def result_console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for every line."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_run(run: "Run", console: Console) -> None:
    """Print the summary of `rollcall sync`; its last lines say what to do next."""
    console.print(_table(run.listings))
    console.print()
    if run.preview is not None:
        print_preview(run.preview, console)
    for line in attention(run):
        console.print(Text(line), soft_wrap=True)
    for line in next_steps(run):
        console.print(Text(line), soft_wrap=True)


def run_facts(run: "Run") -> Iterator[tuple[str, bool]]:
    """The run in plain lines for its log, and whether each is a problem.

    One per listing, then the end of the summary.
    """
    for listing in run.listings:
        facts = (
            f"{listing.name}: {listing.outcome}, {counted(listing.pages, 'page')}, "
            f"{counted(listing.requests, 'request')}, {counted(listing.retries, 'retry', 'retries')}, "
            f"{listing.seconds:.1f} s; {counted(listing.records, 'record')}: "
            f"{listing.new} new, {listing.changed} changed, {listing.removed} removed, "
            f"{listing.unchanged} unchanged, {listing.held_back} held back, {listing.quarantined} quarantined"
        )
        yield facts, listing.outcome != "verified"
    yield from ((line, True) for line in attention(run))
    yield from ((line, False) for line in next_steps(run))


def run_json(run: "Run") -> str:
    """The result of `rollcall sync --json`: one object."""
    return _json({**asdict(run), "exit_code": run.exit_code})


def demo_json(demo: "Demo") -> str:
    """The result of `rollcall demo --json`: one object."""
    return _json(asdict(demo))


def _json(result: object) -> str:
    return msgspec.json.encode(result, enc_hook=str).decode()


def print_demo_run(demo_run: "DemoRun", console: Console) -> None:
    """Print one run of the demo: the changes made before it, and what it found."""
    console.print(f"Run {demo_run.number}, {demo_run.run.started_at:%Y-%m-%d}", style="bold")
    for event in demo_run.done:
        console.print(Text(f"  {event}"), soft_wrap=True)
    console.print(_table(demo_run.run.listings))
    console.print()


def print_demo(demo: "Demo", console: Console) -> None:
    """Print the changes that the runs found, and what to do next."""
    console.print("What changed, and in which run", style="bold")
    runs = {run.run.started_at: run.number for run in demo.runs}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("run", "project", "change", "why"):
        table.add_column(heading, overflow="fold")
    for change in demo.changes:
        cells = (change.name or change.project_key, change.change, _why(change))
        table.add_row(str(runs[change.changed_at]), *map(printable, cells))
    console.print(table)
    console.print()
    for line in (
        f"{counted(demo.projects, 'project is', 'projects are')} listed now; "
        f"every version of each is kept in {demo.directory}.",
        f"Exported: {', '.join(str(path) for path in demo.exported)}",
        f"Explore it: cd {shlex.quote(str(demo.directory))}, then",
        *(f"  {command}" for command in demo.commands),
    ):
        console.print(Text(line), soft_wrap=True)


def print_preview(preview: "Preview", console: Console) -> None:
    """Print what a run would have changed, and how many projects the first listing of a connection has."""
    for connection, projects in preview.first_listed:
        console.print(f"{connection}: {counted(projects, 'project')}, its first listing")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("project", "change", "why"):
        table.add_column(heading, overflow="fold")
    for change in preview.first:
        table.add_row(*map(printable, (change.name or change.project_key, change.change, _why(change))))
    if preview.first:
        console.print(table)
    if preview.total > len(preview.first):
        console.print(f"and {counted(preview.total - len(preview.first), 'more change')}")
    if preview.total or preview.first_listed:
        console.print()


def _why(change: "Change") -> str:
    if change.change == "changed":
        return f"{change.column_name}: {change.old_value or 'null'} -> {change.new_value or 'null'}"
    return REASONS[change.change]


def attention(run: "Run") -> Iterator[str]:
    """Yield a line for each problem: what happened, and what was kept."""
    for listing in run.listings:
        name = listing.name
        if listing.outcome == "failed":
            yield f"{name} failed: {listing.message}. Its rows stay; the next run tries again."
        elif listing.outcome == "unverified":
            yield f"{name} is not verified: {listing.message}. What it sent was kept, nothing was removed."
        elif listing.outcome == "held_back":
            yield f"{name} is held back: {listing.message}. Nothing was removed."
        if listing.quarantined:
            quarantined = counted(listing.quarantined, "record")
            yield f"{name}: {quarantined} quarantined; see: rollcall query 'from quarantine'"
    for warning in run.warnings:
        examples = "; ".join(
            ", ".join(f"{column} {value!s}" for column, value in zip(warning.columns, row, strict=True))
            for row in warning.sample
        )
        more = f" and {warning.rows - len(warning.sample)} more" if warning.rows > len(warning.sample) else ""
        yield f"Note: {warning.description}: {printable(examples)}{more}"
    for line in (*run.limits, *run.unfinished):
        yield f"Note: {line}"


def not_asked(run: "Run") -> Iterator[str]:
    """Yield a line for each configured connection that this run left out and that is not verified."""
    for other in run.not_asked:
        if other.last_attempt_at is None:
            yield f"{other.connection} was not in this run, and has never been synced"
        elif other.outcome != "verified":
            outcome = (other.outcome or "").replace("_", " ")
            at = f"{other.last_attempt_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            yield (
                f"{other.connection} was not in this run; its last attempt, {at}: {outcome}: {other.message}"
            )


def next_steps(run: "Run") -> Iterator[str]:
    """Yield the commands to run next."""
    for connection, listings in groupby(run.listings, key=lambda listing: listing.connection):
        held_back = sum(listing.held_back for listing in listings)
        if held_back:
            gone = "this one is" if held_back == 1 else f"these {held_back:,} are"
            yield (f"If {gone} gone: rollcall sync {connection} --accept-removals {connection}={held_back}")
    if any(listing.outcome in {"failed", "unverified"} for listing in run.listings):
        names = dict.fromkeys(
            listing.connection for listing in run.listings if listing.outcome in {"failed", "unverified"}
        )
        yield f"When this is fixed, run: rollcall sync {' '.join(names)}"
    if run.preview is not None:
        yield f"This was a dry run: {run.warehouse} is unchanged"
        return
    yield f"Published {run.warehouse}. Next: rollcall changes, rollcall status, rollcall export"


def _table(listings: Sequence["ListingResult"]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("listing", no_wrap=True)
    for heading in ("listed", *COUNTS[1:], "seconds"):
        table.add_column(heading.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for listing in listings:
        counts = [str(getattr(listing, name)) for name in COUNTS]
        table.add_row(listing.name, *counts, f"{listing.seconds:.1f}", listing.outcome.replace("_", " "))
    return table
