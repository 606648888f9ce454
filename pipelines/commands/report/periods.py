"""What happened to projects in each period of the report. Times are milliseconds since 1970."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.commands.report.queries import read_rows, run_query
from pipelines.common.sql import set_variables
from pipelines.warehouse.reader import Warehouse

KINDS = ("created", "removed", "returned", "changed")
LISTED_PROJECTS = 15


class Line(NamedTuple):
    """A column that changed: its value before the period, and every value since."""

    column: str
    is_important: bool
    steps: tuple[str | None, ...]


class ChangedProject(NamedTuple):
    """A project to which something happened, last at `changed_at`."""

    key: str
    name: str | None
    client: str | None
    connection: str
    provider: str
    changed_at: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Period:
    """The projects to which each kind of change happened, and some of them by name.

    `name` is how the address of a filter calls the period. `since` is when it began for each connection.
    `first_listed` projects came with the first listing of their connection; no other number includes them.
    `open_change` is the net change of open projects. `minor_only` projects had only minor changes.
    """

    name: str
    since: Mapping[str, int]
    counts: Mapping[str, int]
    first_listed: int
    open_change: int
    minor_only: int
    changed_projects: Mapping[str, tuple[ChangedProject, ...]]

    @property
    def net(self) -> int:
        """The net change of listed projects."""
        return self.counts["created"] + self.counts["returned"] - self.counts["removed"]

    @property
    def is_quiet(self) -> bool:
        """Whether nothing changed."""
        return not any(self.counts.values())


class _Count(NamedTuple):
    period: int
    kind: str
    projects: int


class _Number(NamedTuple):
    period: int
    projects: int


def read_periods(warehouse: Warehouse) -> tuple[Period, ...]:
    """Return the last run of each connection, the last 7 days, and the chosen period."""
    set_variables(warehouse.db, most=LISTED_PROJECTS)
    since: dict[int, dict[str, int]] = {0: {}, 1: {}, 2: {}}
    for period, connection, at in warehouse.db.execute(
        "select period, connection, epoch_ms(since) from report_periods order by all"
    ).fetchall():
        since[period][connection] = at
    counts = {(c.period, c.kind): c.projects for c in read_rows(warehouse, "period_counts", _Count)}
    opened = dict(read_rows(warehouse, "open_changes", _Number))
    minor = dict(read_rows(warehouse, "minor_only", _Number))
    changed_projects = _changed_projects(warehouse)
    return tuple(
        Period(
            name=name,
            since=since[period],
            counts={kind: counts.get((period, kind), 0) for kind in KINDS},
            first_listed=counts.get((period, "first_listed"), 0),
            open_change=opened.get(period, 0),
            minor_only=minor.get(period, 0),
            changed_projects={kind: tuple(changed_projects.get((period, kind), ())) for kind in KINDS},
        )
        for period, name in enumerate(("run", "7d", "since"))
    )


def _changed_projects(warehouse: Warehouse) -> dict[tuple[int, str], list[ChangedProject]]:
    changed_projects: dict[tuple[int, str], list[ChangedProject]] = {}
    for period, kind, *project, lines in run_query(warehouse, "changed_projects").fetchall():
        changed = tuple(
            Line(line["column_name"], line["is_important"], tuple(line["steps"])) for line in lines
        )
        changed_projects.setdefault((period, kind), []).append(ChangedProject._make([*project, changed]))
    return changed_projects
