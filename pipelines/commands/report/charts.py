"""Charts as geometry, to be drawn as SVG: it prints sharply and needs no script.

Lengths are units of the picture's own coordinates, `WIDTH` by `HEIGHT`, with the origin at the top left.
The horizontal axis is true to time: every day is equally wide, whether a run started on it or not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipelines.commands.report.trend import DAY_MS, RunTime

WIDTH, HEIGHT = 560, 252
LEFT, RIGHT, TOP, BOTTOM = 46, 552, 12, 196  # the edges of the plot
RUNS = 208  # the middle of the row of runs
WIDEST_BAR = 28
MOST_SERIES = 8
MOST_LABELS = 6
REST = "other"


class Tick(NamedTuple):
    """A value on the vertical axis."""

    y: float
    value: int


class Slot(NamedTuple):
    """The place of a day."""

    x: float
    width: float
    day: int

    @property
    def middle(self) -> float:
        """The middle of the day."""
        return round(self.x + self.width / 2, 2)


class Mark(NamedTuple):
    """A run, at the time when it started."""

    x: float
    is_partial: bool


@dataclass(frozen=True)
class Axis:
    """The horizontal axis; `labelled` are the days with a label below."""

    slots: tuple[Slot, ...]
    missed: tuple[Slot, ...]
    labelled: tuple[Slot, ...]
    marks: tuple[Mark, ...]


class Series(NamedTuple):
    """A line or a layer of bars, with its value on each day.

    `carried` is the path of the part that carries an older value on.
    """

    name: str
    path: str
    carried: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class Chart:
    """Lines or bars with the ticks of their vertical axis."""

    ticks: tuple[Tick, ...]
    series: tuple[Series, ...]


class Spark(NamedTuple):
    """A small line of 100 by 30 units: all of it, and the last part of it."""

    path: str
    recent: str


def axis(days: Sequence[int], runs: Sequence[RunTime], missed: frozenset[int]) -> Axis:
    """Return the axis of `days`, in milliseconds."""
    width = (RIGHT - LEFT) / len(days)
    slots = tuple(Slot(round(LEFT + n * width, 2), round(width, 2), day) for n, day in enumerate(days))
    step = max(1, -(-(len(slots) - 1) // (MOST_LABELS - 1)))
    marks = (
        Mark(round(LEFT + (run.started_at - days[0]) / DAY_MS * width, 2), run.is_partial) for run in runs
    )
    return Axis(
        slots,
        tuple(slot for slot in slots if slot.day in missed),
        slots[::-1][::step][::-1],
        tuple(mark for mark in marks if mark.x >= LEFT),
    )


def lines(days: Axis, series: Mapping[str, Sequence[int]], sure: Mapping[str, Sequence[bool]]) -> Chart:
    """Return a line for each of `series`, the largest last value first, one value per day.

    A line is carried over days that are not `sure`. Small series beyond `MOST_SERIES` are added up as `REST`.
    """
    shown = _largest(series)
    everything = [value for values in shown.values() for value in values]
    ticks = _ticks(min(everything, default=0), max(everything, default=0))
    height = _scale(ticks)
    always = [True] * len(days.slots)
    drawn = []
    for name, values in shown.items():
        points = [
            f"{slot.middle:g} {height(value):g}" for slot, value in zip(days.slots, values, strict=True)
        ]
        solid, carried = _segments(points, sure.get(name, always))
        drawn.append(Series(name, solid, carried, tuple(values)))
    return Chart(_axis_ticks(ticks), tuple(drawn))


def bars(days: Axis, up: Mapping[str, Sequence[int]], down: Mapping[str, Sequence[int]]) -> Chart:
    """Return bars above zero for `up`, on top of each other, and below zero for `down`."""
    size = range(len(days.slots))
    most = max((sum(values[n] for values in up.values()) for n in size), default=0)
    least = -max((sum(values[n] for values in down.values()) for n in size), default=0)
    ticks = _ticks(least, most)
    height = _scale(ticks)
    layers = []
    for sign, group in ((1, up), (-1, down)):
        bases = [0] * len(days.slots)
        for name, values in group.items():
            tops = [base + sign * value for base, value in zip(bases, values, strict=True)]
            path = "".join(
                _bar(slot, height(base), height(top))
                for slot, base, top in zip(days.slots, bases, tops, strict=True)
                if top != base
            )
            layers.append(Series(name, path, "", tuple(values)))
            bases = tops
    return Chart(_axis_ticks(ticks), tuple(layers))


def spark(values: Sequence[int], recent: int) -> Spark:
    """Return a small line of `values`, with the last `recent` steps of it apart."""
    low, high = min(values), max(values)
    step = 100 / max(1, len(values) - 1)
    points = [
        f"{n * step:.5g} {15 if low == high else 28 - (value - low) / (high - low) * 26:.4g}"
        for n, value in enumerate(values)
    ]
    first = max(0, len(points) - 1 - recent)
    return Spark(f"M{'L'.join(points)}", f"M{'L'.join(points[first:])}")


def _bar(slot: Slot, base: float, top: float) -> str:
    width = min(WIDEST_BAR, slot.width - min(3, slot.width / 4))
    return f"M{slot.middle - width / 2:.5g} {base:g}V{top:g}h{width:.4g}V{base:g}z"


def _segments(points: Sequence[str], sure: Sequence[bool]) -> tuple[str, str]:
    """Return the path through the points that are sure, and the path through the others.

    A single point is a short line, so that it is visible.
    """
    if len(points) == 1:
        return f"M{points[0]}h3", ""
    paths = {True: "", False: ""}
    before = None
    for n in range(1, len(points)):
        if sure[n] is not before:
            paths[sure[n]] += f"M{points[n - 1]}"
        paths[sure[n]] += f"L{points[n]}"
        before = sure[n]
    return paths[True], paths[False]


def _largest(series: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    names = sorted(series, key=lambda name: (-max(map(abs, series[name])), name))
    kept = names if len(names) <= MOST_SERIES else names[: MOST_SERIES - 1]
    shown = {name: list(series[name]) for name in sorted(kept, key=lambda name: (-series[name][-1], name))}
    if rest := [series[name] for name in names[len(kept) :]]:
        shown[REST] = [sum(values) for values in zip(*rest, strict=True)]
    return shown


def _ticks(low: int, high: int) -> list[int]:
    """Return at most seven round values that span 0 and the values from `low` to `high`."""
    low, high = min(low, 0), max(high, 0)
    high = max(high, low + 1)
    steps = (digit * 10**power for power in range(18) for digit in (1, 2, 5))
    step = next(step for step in steps if -(-high // step) - low // step <= 6)
    return list(range(low // step * step, -(-high // step) * step + 1, step))


def _scale(ticks: Sequence[int]) -> "_Scale":
    return _Scale(ticks[0], (BOTTOM - TOP) / (ticks[-1] - ticks[0]))


class _Scale(NamedTuple):
    low: int
    unit: float

    def __call__(self, value: int) -> float:
        return round(BOTTOM - (value - self.low) * self.unit, 2)


def _axis_ticks(ticks: Sequence[int]) -> tuple[Tick, ...]:
    height = _scale(ticks)
    return tuple(Tick(height(value), value) for value in ticks)
