"""How the number of projects changed over the last days. A day is its first millisecond, in UTC."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from pipelines.commands.report.queries import read_rows
from pipelines.common.sql import set_variables
from pipelines.warehouse.reader import Warehouse

SHOWN_DAYS = 120
DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)


class RunTime(NamedTuple):
    """A run; `is_partial`: not every listing was verified."""

    started_at: int
    is_partial: bool


class Day(NamedTuple):
    """What happened to the projects of a provider on a day; `is_fresh`: all its connections were verified."""

    day: int
    provider: str
    created: int
    returned: int
    removed: int
    changed: int
    is_fresh: bool


@dataclass(frozen=True)
class Trend:
    """Days without gaps, up to that of the last run, with one value per day in each list.

    Growth counts from the first of the days, or from the first listing of a connection that came later.
    `missed` are the days on which a run was due and none started. `fresh`: by provider.
    """

    days: list[int]
    runs: tuple[RunTime, ...]
    missed: frozenset[int]
    created: list[int]
    returned: list[int]
    removed: list[int]
    changed: list[int]
    open_growth: dict[str, list[int]]
    status_growth: dict[str, list[int]]
    fresh: dict[str, list[bool]]

    @property
    def growth(self) -> list[int]:
        """The growth of all listed projects."""
        return self._sum(self.status_growth.values())

    @property
    def growth_of_open(self) -> list[int]:
        """The growth of all open projects."""
        return self._sum(self.open_growth.values())

    def _sum(self, series: Iterable[list[int]]) -> list[int]:
        return [sum(of_day) for of_day in zip(*series, strict=True)] or [0] * len(self.days)


class _Growth(NamedTuple):
    day: int
    provider: str
    status: str
    is_open: bool
    growth: int


def read_trend(warehouse: Warehouse) -> Trend:
    """Read the last `SHOWN_DAYS` days."""
    set_variables(warehouse.db, days=SHOWN_DAYS)
    runs = read_rows(warehouse, "runs", RunTime)
    happened = read_rows(warehouse, "days", Day)
    growth = read_rows(warehouse, "growth", _Growth)
    first = min([day.day for day in happened] + [runs[0].started_at // DAY_MS * DAY_MS])
    days = list(range(first, runs[-1].started_at + 1, DAY_MS))
    place = {day: n for n, day in enumerate(days)}
    sums = {name: [0] * len(days) for name in ("created", "returned", "removed", "changed")}
    fresh: dict[str, list[bool]] = defaultdict(lambda: [False] * len(days))
    for of_day in happened:
        fresh[of_day.provider][place[of_day.day]] = of_day.is_fresh
        for name, values in sums.items():
            values[place[of_day.day]] += getattr(of_day, name)
    open_growth: dict[str, list[int]] = {provider: [0] * len(days) for provider in fresh}
    status_growth: dict[str, list[int]] = defaultdict(lambda: [0] * len(days))
    for line in growth:
        status_growth[line.status][place[line.day]] += line.growth
        if line.is_open:
            open_growth[line.provider][place[line.day]] += line.growth
    return Trend(
        days=days,
        runs=runs,
        missed=missed_days(days, {run.started_at // DAY_MS * DAY_MS for run in runs}),
        created=sums["created"],
        returned=sums["returned"],
        removed=sums["removed"],
        changed=sums["changed"],
        open_growth=open_growth,
        status_growth=dict(status_growth),
        fresh=dict(fresh),
    )


def missed_days(days: list[int], run_days: set[int]) -> frozenset[int]:
    """Return the days without a run, except those between runs that are no further apart than usual.

    With a weekly run, six days in seven are not missed.
    """
    ran = sorted(run_days)
    gaps = [later - earlier for earlier, later in pairwise(ran)]
    usual = median(gaps) if gaps else DAY_MS
    missed = set[int]()
    for earlier, later in pairwise(ran):
        if later - earlier > usual:
            missed.update(day for day in days if earlier < day < later)
    return frozenset(missed)
