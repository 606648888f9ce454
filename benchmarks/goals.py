"""The goals for each case, as ratios of medians or in seconds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results import Results


@dataclass(frozen=True)
class Goal:
    """`reached` returns the number that should be at most `most` or at least `least`; None if unknown."""

    text: str
    reached: Callable[[Results], float | None]
    unit: str = "times"
    most: float | None = None
    least: float | None = None

    def met(self, reached: float) -> bool:
        """Whether a number meets the goal."""
        return reached <= (math.inf if self.most is None else self.most) and reached >= (self.least or 0)


def wall(results: Results, case: str, side: str, step: str) -> float | None:
    """A median in seconds. A peer with a wrong result counts; Rollcall does not."""
    measured = results[case].of(side, step) if case in results else None
    if measured is None or measured.fault or (measured.wrong and side == "rollcall"):
        return None
    return measured.wall


def ratio(above: float | None, below: float | None) -> float | None:
    """The ratio of two medians; None if either is unknown."""
    return None if above is None or below is None else above / below


def _beside(case: str, step: str, other: str, most: float) -> Goal:
    def reached(results: Results) -> float | None:
        return ratio(wall(results, case, "rollcall", step), wall(results, case, other, step))

    return Goal(f"at most {most:g} times the limit", reached, most=most)


def _faster(case: str, step: str, other: str, name: str, least: float) -> Goal:
    def reached(results: Results) -> float | None:
        return ratio(wall(results, case, other, step), wall(results, case, "rollcall", step))

    return Goal(f"at least {least:g} times as fast as {name}", reached, least=least)


def _within(case: str, step: str, seconds: float) -> Goal:
    return Goal(
        f"{step}: under {seconds:g} s",
        lambda results: wall(results, case, "rollcall", step),
        "s",
        most=seconds,
    )


def _within_memory(case: str, mb: int) -> Goal:
    def reached(results: Results) -> float | None:
        measured = results[case].of("rollcall", "first") if case in results else None
        return measured.peak_mb if measured else None

    return Goal(f"peak memory of all processes under {mb} MB", reached, "MB", most=mb)


def _beside_singer(results: Results) -> float | None:
    ours, theirs = (wall(results, "unchanged-1k", side, "unchanged") for side in ("rollcall", "singer"))
    return ratio(ours, theirs)


def _grown(results: Results, late: str, early: str) -> float | None:
    facts = results["many-runs"].facts if "many-runs" in results else {}
    return ratio(facts.get(late), facts.get(early))


def _links_beside_first(results: Results) -> float | None:
    links, first = (wall(results, "links-100k", "rollcall", step) for step in ("new links", "first"))
    return ratio(links, first)


def _throughput_kept(results: Results) -> float | None:
    """Files per second with a million, divided by those with a hundred thousand."""
    few, many = (wall(results, case, "rollcall", "first") for case in ("files-100k", "files-1m"))
    if few is None or many is None:
        return None
    return (results["files-1m"].facts["size"] / many) / (results["files-100k"].facts["size"] / few)


def _old_beside_empty(results: Results) -> float | None:
    old, empty = (wall(results, "history-10x", "rollcall", step) for step in ("unchanged 10x", "first"))
    return ratio(old, empty)


def _together_beside_slowest(results: Results) -> float | None:
    if "five-together" not in results:
        return None
    alone = [each.wall for each in results["five-together"].measured if each.step != "together"]
    return ratio(
        wall(results, "five-together", "rollcall", "together"), max(filter(None, alone), default=None)
    )


def _import_share(results: Results) -> float | None:
    return results["nothing-changed"].facts["import_share"] if "nothing-changed" in results else None


def _export_beside_copy(results: Results) -> float | None:
    ours, copy = (wall(results, "export-1m", side, "export") for side in ("rollcall", "copy"))
    return ratio(ours, copy)


_TUNED = "dlt with Parquet"

GOALS: Mapping[str, Sequence[Goal]] = {
    "first-1k": (_within("first-1k", "first", 1.8),),
    "unchanged-1k": (
        _within("unchanged-1k", "unchanged", 1.2),
        Goal("at most 1.5 times Singer", _beside_singer, most=1.5),
    ),
    "first-10k-50ms": (
        _within("first-10k-50ms", "first", 2.6),
        _faster("first-10k-50ms", "first", "dlt", "dlt by default", 4),
        _faster("first-10k-50ms", "first", "by_hand", "the script by hand", 2),
    ),
    "unchanged-10k-50ms": (
        _within("unchanged-10k-50ms", "unchanged", 1.9),
        _faster("unchanged-10k-50ms", "unchanged", "dlt", "dlt by default", 4),
        _faster("unchanged-10k-50ms", "unchanged", "by_hand", "the script by hand", 2),
    ),
    "first-100k": (
        _beside("first-100k", "first", "limit", 5),
        _faster("first-100k", "first", "dlt", "dlt by default", 6),
        _faster("first-100k", "first", "dlt_parquet", _TUNED, 2),
    ),
    "unchanged-100k": (
        _beside("unchanged-100k", "unchanged", "limit", 4),
        _faster("unchanged-100k", "unchanged", "dlt", "dlt by default", 10),
        _faster("unchanged-100k", "unchanged", "dlt_parquet", _TUNED, 3.5),
    ),
    "first-1m": (
        _beside("first-1m", "first", "limit", 5.5),
        _within_memory("first-1m", 900),
    ),
    "unchanged-1m": (_beside("unchanged-1m", "unchanged", "limit", 4.5),),
    "files-1m": (
        _within_memory("files-1m", 900),
        Goal("files per second: at least 0.8 times those of files-100k", _throughput_kept, least=0.8),
    ),
    "history-10x": (Goal("at most 1.3 times a run on an empty history", _old_beside_empty, most=1.3),),
    "links-100k": (Goal("new links: at most as long as a first run", _links_beside_first, most=1),),
    "many-runs": (
        Goal(
            "CPU of the last runs at most 1.15 times that of the first ones",
            lambda found: _grown(found, "late_cpu_s", "early_cpu_s"),
            most=1.15,
        ),
        Goal(
            "memory after the last run at most 1.1 times that after an eighth of them",
            lambda found: _grown(found, "late_mb", "early_mb"),
            most=1.1,
        ),
    ),
    "five-together": (
        Goal("together: at most 1.6 times the slowest provider alone", _together_beside_slowest, most=1.6),
    ),
    "nothing-changed": (
        _within("nothing-changed", "unchanged", 1.2),
        Goal("imports: under 0.5 of the run", _import_share, "of the run", most=0.5),
    ),
    "commands": (
        _within("commands", "--help", 0.3),
        _within("commands", "query", 0.6),
        _within("commands", "status", 0.6),
    ),
    "export-1m": (Goal("at most 1.5 times DuckDB's COPY", _export_beside_copy, most=1.5),),
}
