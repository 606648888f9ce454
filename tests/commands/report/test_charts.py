"""The charts: the axis is true to time, missed days are marked, and the numbers add up."""

import re

import pytest

from pipelines.commands.report.charts import (
    BOTTOM,
    LEFT,
    MOST_SERIES,
    REST,
    RIGHT,
    TOP,
    axis,
    bars,
    lines,
    spark,
)
from pipelines.commands.report.trend import DAY_MS, RunTime, missed_days


def days(count: int) -> list[int]:
    return [day * DAY_MS for day in range(count)]


def test_every_day_is_equally_wide_and_a_run_is_at_its_time() -> None:
    shown = axis(
        days(4),
        (RunTime(DAY_MS // 2, is_partial=False), RunTime(3 * DAY_MS, is_partial=True)),
        frozenset({DAY_MS}),
    )
    width = (RIGHT - LEFT) / 4
    assert [slot.x for slot in shown.slots] == pytest.approx([LEFT + n * width for n in range(4)], abs=0.01)
    assert [(mark.x, mark.is_partial) for mark in shown.marks] == [
        (pytest.approx(LEFT + width / 2, abs=0.01), False),
        (pytest.approx(LEFT + 3 * width, abs=0.01), True),
    ]
    assert [slot.day for slot in shown.missed] == [DAY_MS]


@pytest.mark.parametrize(
    ("ran", "missed"),
    [
        ([0, 1, 2, 3], []),
        ([0, 1, 4, 5], [2, 3]),
        ([0, 7, 14, 21], []),
        ([0, 7, 21, 28], [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]),
        ([3], []),
    ],
)
def test_a_day_is_missed_if_the_gap_is_longer_than_usual(ran: list[int], missed: list[int]) -> None:
    found = missed_days(days(30), {day * DAY_MS for day in ran})
    assert sorted(found) == [day * DAY_MS for day in missed]


def test_bars_go_up_and_down_from_zero() -> None:
    chart = bars(axis(days(2), (), frozenset()), {"a": [2, 0], "b": [2, 1]}, {"c": [0, 3]})
    assert [tick.value for tick in chart.ticks] == [-4, -2, 0, 2, 4]
    unit = (BOTTOM - TOP) / 8
    zero = BOTTOM - 4 * unit
    ends = {
        s.name: [tuple(map(float, e)) for e in re.findall(r"M\S+ (\S+?)V(\S+?)h", s.path)]
        for s in chart.series
    }
    assert ends == {
        "a": [(zero, zero - 2 * unit)],
        "b": [(zero - 2 * unit, zero - 4 * unit), (zero, zero - unit)],
        "c": [(zero, zero + 3 * unit)],
    }


def test_a_line_is_carried_over_days_that_are_not_sure() -> None:
    shown = axis(days(4), (), frozenset())
    (line,) = lines(shown, {"a": [0, 0, 0, 4]}, {"a": [True, True, False, True]}).series
    points = [f"{slot.middle:g} {y:g}" for slot, y in zip(shown.slots, [BOTTOM] * 3 + [TOP], strict=True)]
    assert line.path == f"M{points[0]}L{points[1]}M{points[2]}L{points[3]}"
    assert line.carried == f"M{points[1]}L{points[2]}"
    assert line.values == (0, 0, 0, 4)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0], [0, 1]),
        ([1], [0, 1]),
        ([-3, 5], [-4, -2, 0, 2, 4, 6]),
        ([-7], [-8, -6, -4, -2, 0]),
        ([204], [0, 50, 100, 150, 200, 250]),
        ([50_000], [0, 10_000, 20_000, 30_000, 40_000, 50_000]),
    ],
)
def test_the_axis_has_few_round_values(values: list[int], ticks: list[int]) -> None:
    chart = lines(axis(days(len(values)), (), frozenset()), {"a": values}, {})
    assert [tick.value for tick in chart.ticks] == ticks
    assert (chart.ticks[0].y, chart.ticks[-1].y) == (BOTTOM, TOP)


def test_many_series_are_added_up_and_few_days_are_labelled() -> None:
    shown = axis(days(120), (), frozenset())
    chart = lines(shown, {f"n{n:02}": [100 - n] * 120 for n in range(20)}, {})
    assert [s.name for s in chart.series] == [f"n{n:02}" for n in range(MOST_SERIES - 1)] + [REST]
    assert sum(s.values[-1] for s in chart.series) == sum(100 - n for n in range(20))
    assert [slot.day // DAY_MS for slot in shown.labelled] == [23, 47, 71, 95, 119]


def test_a_sparkline_marks_its_last_steps() -> None:
    assert spark([0, 1, 2], 1) == ("M0 28L50 15L100 2", "M50 15L100 2")
    assert spark([5], 7) == ("M0 15", "M0 15")
