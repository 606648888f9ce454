"""Stacked columns as geometry, to be drawn as SVG: it prints sharply, and shows where no script runs.

Lengths are units of the picture's own coordinates, `WIDTH` by `HEIGHT`, with the origin at the top left.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 222  # the edges of the columns
WIDEST_COLUMN = 56
MOST_SERIES = 8
MOST_LABELS = 6
REST = "other"


class Series(NamedTuple):
    """One layer of the columns: its name, its path, and its value in the last of them."""

    name: str
    path: str
    last: int


class Tick(NamedTuple):
    """A value on the vertical axis."""

    y: float
    value: int


class Column(NamedTuple):
    """A column of the chart: its middle, its place, and what it is the sum of, the largest first."""

    x: float
    left: float
    width: float
    at: int
    total: int
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Chart:
    """Columns over time; `labelled` are those that have a label below."""

    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    columns: tuple[Column, ...]
    labelled: tuple[Column, ...]


def stacked(times: Sequence[int], counts: Iterable[tuple[int, str, int]]) -> Chart:
    """A column for each of `times`, of the `counts` (time, name, number), each name a layer.

    Names beyond the largest are summed up as `REST`. The layer of the largest last value lies at the bottom.
    """
    found: dict[str, dict[int, int]] = {}
    for at, name, number in counts:
        of_name = found.setdefault(name, {})
        of_name[at] = of_name.get(at, 0) + number
    layers = _largest(found, times)
    totals = [sum(layer.get(at, 0) for layer in layers.values()) for at in times]
    ticks = _ticks(max(totals, default=0))
    scale = (BOTTOM - TOP) / ticks[-1]
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(times))
    width = min(WIDEST_COLUMN, slot - min(4, slot / 5))
    middles = [LEFT + slot * (n + 0.5) for n in range(len(times))]
    columns = tuple(
        Column(
            round(x, 2),
            round(x - slot / 2, 2),
            round(slot, 2),
            at,
            total,
            tuple((name, layer[at]) for name, layer in layers.items() if layer.get(at)),
        )
        for x, at, total in zip(middles, times, totals, strict=True)
    )
    bases = [0.0] * len(times)
    series = []
    for name, layer in layers.items():
        heights = [layer.get(at, 0) * scale for at in times]
        path = "".join(
            f"M{x - width / 2:.2f} {BOTTOM - base:.2f}v{-height:.2f}h{width:.2f}v{height:.2f}z"
            for x, base, height in zip(middles, bases, heights, strict=True)
            if height
        )
        series.append(Series(name, path, layer.get(times[-1], 0) if times else 0))
        bases = [base + height for base, height in zip(bases, heights, strict=True)]
    return Chart(
        tuple(series),
        tuple(Tick(round(BOTTOM - value * scale, 2), value) for value in ticks),
        columns,
        _spread(columns),
    )


def _largest(found: Mapping[str, dict[int, int]], times: Sequence[int]) -> dict[str, dict[int, int]]:
    def size(name: str) -> tuple[int, int, str]:
        return (-found[name].get(times[-1], 0), -max(found[name].values()), name)

    names = sorted(found, key=size)
    kept = names if len(names) <= MOST_SERIES else names[: MOST_SERIES - 1]
    layers = {name: found[name] for name in kept}
    if rest := names[len(kept) :]:
        layers[REST] = {at: sum(found[name].get(at, 0) for name in rest) for at in times}
    return layers


def _ticks(largest: int) -> list[int]:
    """Three to six round values from 0 up to one that is not below `largest`."""
    steps = (digit * 10**power for power in range(18) for digit in (1, 2, 5))
    step = next(step for step in steps if step * 5 >= largest)
    top = max(1, -(-largest // step))
    return list(accumulate([step] * top, initial=0))


def _spread(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Up to `MOST_LABELS` of the columns, evenly, up to the last."""
    step = max(1, -(-(len(columns) - 1) // (MOST_LABELS - 1)))
    return tuple(columns[::-1][::step][::-1])
