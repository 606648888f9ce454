"""The facts that the report shows, read from the published tables.

Times are milliseconds since 1970.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pipelines.commands.changes import parse_time
from pipelines.commands.report.catalogue import Catalogue, read_catalogue
from pipelines.commands.report.periods import Period, read_periods
from pipelines.commands.report.queries import read_rows, run_query
from pipelines.commands.report.trend import Trend, read_trend
from pipelines.common.errors import WarehouseError
from pipelines.common.sql import set_variables
from pipelines.warehouse.freshness import read_freshness
from pipelines.warehouse.reader import Warehouse

SLOWEST = 8
USUAL_RUNS = 30
LONGEST_TEXT = 200


class Run(NamedTuple):
    """The last run; `runs` counts all runs, the first of which started at `first_started_at`."""

    started_at: int
    rollcall_version: str
    duckdb_version: str
    runs: int
    first_started_at: int


class Connection(NamedTuple):
    """A configured account, and the result of its last attempt."""

    name: str
    provider: str
    is_configured: bool
    projects: int
    last_verified_at: int | None
    last_full_at: int | None
    last_attempt_at: int | None
    outcome: str | None
    message: str | None
    held_back: int
    quarantined: int
    requests: int
    retries: int


class Listing(NamedTuple):
    """A listing of its connection's last run. `usual_seconds`: the median of earlier runs."""

    connection: str
    scope: str | None
    entity: str
    records: int
    requests: int
    retries: int
    seconds: float
    usual_seconds: float | None


class StatusCount(NamedTuple):
    """The projects of a provider that have a status now."""

    provider: str
    status: str
    projects: int
    open_projects: int


@dataclass(frozen=True)
class Facts:
    """Everything that the report shows. `stale` names the connections that are not up to date.

    `zone` is the time zone in which times are shown, an IANA name.
    """

    zone: str
    run: Run
    statuses: tuple[StatusCount, ...]
    trend: Trend
    periods: tuple[Period, ...]
    connections: tuple[Connection, ...]
    stale: frozenset[str]
    slowest: tuple[Listing, ...]
    catalogue: Catalogue


def read_facts(warehouse: Warehouse, since: str | None, zone: str) -> Facts:
    """Read the facts. `since` is as for `rollcall changes`, but relative to the last run; None: 30 days.

    Raises UsageError if `since` is not a time, WarehouseError if there is no run yet.
    """
    runs = read_rows(warehouse, "last_run", Run)
    if not runs:
        raise WarehouseError(f"there is no run in {warehouse.name} yet", "run `rollcall sync`")
    last = datetime.fromtimestamp(runs[0].started_at / 1000, UTC)
    today = last.replace(hour=0, minute=0, second=0, microsecond=0)
    week = today - timedelta(days=6)
    chosen = today - timedelta(days=29) if since is None else parse_time(since, last)
    set_variables(warehouse.db, week=week, chosen=chosen, longest=LONGEST_TEXT)
    for table in ("natural_key", "report_periods", "report_projects", "report_happened"):
        run_query(warehouse, table)
    set_variables(warehouse.db, most=SLOWEST, usual=USUAL_RUNS)
    return Facts(
        zone=zone,
        run=runs[0],
        statuses=read_rows(warehouse, "statuses", StatusCount),
        connections=read_rows(warehouse, "connections", Connection),
        stale=frozenset(f.connection for f in read_freshness(warehouse.db) if not f.is_fresh),
        slowest=read_rows(warehouse, "slowest", Listing),
        trend=read_trend(warehouse),
        periods=read_periods(warehouse),
        catalogue=read_catalogue(warehouse),
    )
