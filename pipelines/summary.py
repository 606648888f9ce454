"""What a night's result looks like: a line per listing, what needs attention, and what to do next."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.sync import ListingResult, Night

COUNTS = ("records", "new", "changed", "removed", "unchanged", "held_back", "quarantined")


def print_night(night: Night, console: Console) -> None:
    """The summary of `rollcall sync`; its last lines say what to do next."""
    console.print(_table(night.listings))
    console.print()
    for line in attention(night):
        console.print(Text(line), soft_wrap=True)
    for line in next_steps(night):
        console.print(Text(line), soft_wrap=True)


def attention(night: Night) -> Iterator[str]:
    """What did not go as it should, a line each: what came of it and what was kept."""
    for listing in night.listings:
        name = _name(listing)
        if listing.outcome == "failed":
            yield f"{name} failed: {listing.message}. Its rows stay as they were."
        elif listing.outcome == "unproven":
            yield f"{name} is not proven: {listing.message}. What came was taken, nothing was removed."
        elif listing.outcome == "held_back":
            yield f"{name} is held back: {listing.message}. Nothing was removed."
        if listing.quarantined:
            yield f"{name}: {listing.quarantined} records were not taken; see: rollcall query 'from quarantine'"
    for warning in night.warnings:
        yield f"Note: {warning.rows} {warning.description}"


def next_steps(night: Night) -> Iterator[str]:
    """The commands that a reader of this summary may want next."""
    for connection, listings in groupby(night.listings, key=lambda listing: listing.connection):
        held_back = sum(listing.held_back for listing in listings)
        if held_back:
            yield (
                f"If these {held_back} are gone: "
                f"rollcall sync {connection} --accept-removals {connection}={held_back}"
            )
    if any(listing.outcome in {"failed", "unproven"} for listing in night.listings):
        names = dict.fromkeys(
            listing.connection for listing in night.listings if listing.outcome in {"failed", "unproven"}
        )
        yield f"Once that is mended: rollcall sync {' '.join(names)}"
    yield f"Published {night.warehouse}. See: rollcall changes, rollcall query 'from projects', rollcall export"


def _table(listings: Sequence[ListingResult]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("listing", no_wrap=True)
    for heading in ("listed", *COUNTS[1:], "seconds"):
        table.add_column(heading.replace("_", " "), justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    for listing in listings:
        counts = [str(getattr(listing, name)) for name in COUNTS]
        table.add_row(_name(listing), *counts, f"{listing.seconds:.1f}", listing.outcome.replace("_", " "))
    return table


def _name(listing: ListingResult) -> str:
    return listing.connection if listing.scope is None else f"{listing.connection} {listing.scope}"
