"""`rollcall report`: what the runs found, as one HTML page for whoever has no terminal.

The page holds all that it needs and asks nothing of any server. The same warehouse gives the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

from pipelines.output.writer import Output, write_text
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Report:
    """The page that was written; `file` None is standard output."""

    file: Path | None
    bytes: int
    run: str
    projects: int
    stale: tuple[str, ...]


def report(warehouse: Warehouse, since: str | None, output: Output) -> Report:
    """Write the page, whole or not at all. `since` begins the period chosen; None: 30 days.

    Raises UsageError where `since` is no time, WarehouseError where there was no run yet.
    """
    # Imported late: what the command line needs of this package is its name.
    from pipelines.commands.report.facts import read_facts
    from pipelines.commands.report.page import iso, page

    facts = read_facts(warehouse, since)
    text = page(facts)
    write_text(text, warehouse, output)
    return Report(
        file=output.path,
        bytes=len(text.encode()),
        run=iso(facts.run.started),
        projects=sum(connection.projects for connection in facts.connections),
        stale=tuple(connection.name for connection in facts.connections if connection.stale),
    )
