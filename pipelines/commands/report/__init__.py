"""`rollcall report`: the current state and recent changes as one HTML page.

The page contains everything that it needs and requests nothing. The same warehouse gives the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

from pipelines.output.writer import Output, write_text
from pipelines.warehouse.reader import Warehouse


@dataclass(frozen=True)
class Report:
    """The page that was written, to standard output if `file` is None.

    `run` is the start of the last run as text. `stale` names the connections that are not up to date.
    """

    file: Path | None
    bytes: int
    run: str
    projects: int
    open_projects: int
    stale: tuple[str, ...]


def report(warehouse: Warehouse, since: str | None, output: Output, zone: str) -> Report:
    """Write the page, complete or not at all. `since` is the start of the chosen period; None: 30 days.

    Times on the page are in the time zone `zone`, an IANA name. Raises UsageError if `since` is not a time,
    WarehouseError if there is no run yet.
    """
    # Imported late: the command line only needs the name of this package.
    from pipelines.commands.report.facts import read_facts
    from pipelines.commands.report.page import render
    from pipelines.commands.report.wording import iso

    facts = read_facts(warehouse, since, zone)
    text = render(facts)
    write_text(text, warehouse, output)
    return Report(
        file=output.path,
        bytes=len(text.encode()),
        run=iso(facts.run.started_at),
        projects=sum(count.projects for count in facts.statuses),
        open_projects=sum(count.open_projects for count in facts.statuses),
        stale=tuple(sorted(facts.stale)),
    )
