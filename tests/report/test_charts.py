"""Stacked columns: what they show adds up, and their number and their axis stay readable."""

import re

import pytest

from pipelines.commands.report.charts import BOTTOM, MOST_SERIES, REST, TOP, stacked


def heights(path: str) -> list[float]:
    return [float(height) for height in re.findall(r"h[\d.]+v([\d.]+)z", path)]


def test_layers_stand_on_each_other() -> None:
    chart = stacked([1, 2], [(1, "a", 10), (2, "a", 30), (2, "b", 20), (1, "gone", 5)])
    scale = (BOTTOM - TOP) / 50
    assert [(series.name, series.last) for series in chart.series] == [("a", 30), ("b", 20), ("gone", 0)]
    assert [heights(series.path) for series in chart.series] == [
        pytest.approx([10 * scale, 30 * scale], abs=0.01),
        pytest.approx([20 * scale], abs=0.01),
        pytest.approx([5 * scale], abs=0.01),
    ]
    bottoms = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)", chart.series[1].path + chart.series[2].path)]
    assert bottoms == pytest.approx([BOTTOM - 30 * scale, BOTTOM - 10 * scale], abs=0.01)
    assert [(column.total, column.parts) for column in chart.columns] == [
        (15, (("a", 10), ("gone", 5))),
        (50, (("a", 30), ("b", 20))),
    ]


@pytest.mark.parametrize(
    ("largest", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (7, [0, 2, 4, 6, 8]),
        (204, [0, 50, 100, 150, 200, 250]),
        (50_000, [0, 10_000, 20_000, 30_000, 40_000, 50_000]),
    ],
)
def test_the_axis_has_few_round_values(largest: int, ticks: list[int]) -> None:
    chart = stacked([1], [(1, "a", largest)] if largest else [])
    assert [tick.value for tick in chart.ticks] == ticks
    assert (chart.ticks[0].y, chart.ticks[-1].y) == (BOTTOM, TOP)


def test_many_names_and_many_runs() -> None:
    times = list(range(120))
    counts = [(at, f"n{name:02}", 100 - name) for at in times for name in range(20)]
    chart = stacked(times, counts)
    assert [series.name for series in chart.series] == [f"n{n:02}" for n in range(MOST_SERIES - 1)] + [REST]
    assert sum(series.last for series in chart.series) == sum(100 - name for name in range(20))
    assert [column.at for column in chart.labelled] == [23, 47, 71, 95, 119]
