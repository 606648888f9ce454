"""The ratios that decide which setup pays, with a goal for each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.engines.play import PUBLICATIONS, STEPS
from benchmarks.engines.setups import WORKERS
from benchmarks.results import Result
from pipelines.config.compute import ENGINES

FIRST, CHANGED = STEPS


@dataclass(frozen=True)
class Ratio:
    """`reached` returns the number that should be at most `most` or at least `least`; None if unknown."""

    text: str
    reached: Callable[[Result], float | None]
    most: float | None = None
    least: float | None = None
    unit: str = ""

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.most is not None:
            return f"at most {self.written(self.most)}"
        return "" if self.least is None else f"at least {self.written(self.least)}"

    def written(self, number: float) -> str:
        """A number of this ratio as text."""
        return f"{number:,.0f}{self.unit}" if self.unit else f"{number:.2f}"


def _wall(result: Result, side: str, step: str) -> float | None:
    measured = result.of(side, step)
    return None if measured is None or measured.fault or measured.wrong else measured.wall


def _quotient(above: tuple[str, str], below: tuple[str, str]) -> Callable[[Result], float | None]:
    def reached(result: Result) -> float | None:
        over, under = _wall(result, *above), _wall(result, *below)
        return None if over is None or under is None else over / under

    return reached


def _largest_worker(side: str) -> Callable[[Result], float | None]:
    def reached(result: Result) -> float | None:
        peaks = [measured.part_peak_mb("workers") for measured in result.measured if measured.side == side]
        return max((peak for peak in peaks if peak is not None), default=None)

    return reached


def _of_engine(engine: str) -> Iterator[Ratio]:
    title, (one, two) = engine.title(), (f"{engine}-{count}" for count in WORKERS)
    for step in STEPS:
        yield Ratio(
            f"{title}, two workers / the file: {step}", _quotient((two, step), ("file", step)), most=1.15
        )
    for step in STEPS:
        yield Ratio(f"{title}, one worker / two: {step}", _quotient((one, step), (two, step)), least=1.8)
    yield Ratio(f"{title}: the largest worker", _largest_worker(two), most=800, unit=" MB")


RATIOS = (
    Ratio("a lakehouse / the file: first", _quotient(("lake", FIRST), ("file", FIRST))),
    Ratio("a lakehouse / the file: 1 % changed", _quotient(("lake", CHANGED), ("file", CHANGED)), most=1.5),
    *(ratio for engine in ENGINES for ratio in _of_engine(engine)),
    Ratio(
        "publication of 1 % / first publication",
        _quotient(("file", PUBLICATIONS[1]), ("file", PUBLICATIONS[0])),
        most=0.2,
    ),
)
