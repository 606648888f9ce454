"""How time grows with the number of projects, and an extrapolation to more projects."""

import itertools
import math
from dataclasses import dataclass

from benchmarks.goals import wall
from benchmarks.results import Results

LABELS = ("1k", "10k", "100k", "1m")
FAR = 100_000_000


@dataclass(frozen=True)
class Growth:
    """One side's seconds by size. `exponent` is that of the last step; 1 means linear growth."""

    side: str
    step: str
    seconds: dict[int, float]

    @property
    def exponents(self) -> list[float]:
        """The exponents from each size to the next."""
        points = list(self.seconds.items())
        return [
            math.log(much / little) / math.log(many / few)
            for (few, little), (many, much) in itertools.pairwise(points)
        ]

    @property
    def far_s(self) -> float | None:
        """Seconds for `FAR` projects if time grows as in the last step; None with fewer than two sizes."""
        if not self.exponents:
            return None
        size, seconds = max(self.seconds.items())
        return float(seconds * (FAR / size) ** self.exponents[-1])


def connections(results: Results) -> list[Growth]:
    """Rollcall's seconds by the number of connections, each with the same number of projects."""
    if "connections" not in results:
        return []
    runs: dict[str, dict[int, float]] = {}
    for measured in results["connections"].measured:
        count, _, run = measured.step.partition(", ")
        if measured.wall is not None:
            runs.setdefault(run, {})[int(count)] = measured.wall
    return [Growth("rollcall", run, seconds) for run, seconds in runs.items()]


def growth(results: Results) -> list[Growth]:
    """The growth of every side that was measured with two or more sizes, for first and unchanged runs."""
    found = []
    for step in ("first", "unchanged"):
        cases = [f"{step}-{label}" for label in LABELS if f"{step}-{label}" in results]
        sides = dict.fromkeys(each.side for case in cases for each in results[case].measured)
        for side in sides:
            points = {int(results[case].facts["size"]): wall(results, case, side, step) for case in cases}
            seconds = {size: took for size, took in sorted(points.items()) if took is not None}
            if len(seconds) > 1:
                found.append(Growth(side, step, seconds))
    return found
