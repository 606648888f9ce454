"""The measurements, as they are stored in `results`: a JSON file for each case, with every number."""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TypeAlias

import msgspec

from benchmarks import ROOT
from benchmarks.measure import Run
from benchmarks.server import Ceiling


class Part(msgspec.Struct):
    """Some processes of the runs: the processor time of all, and the peak memory of the largest."""

    cpu_s: list[float] = msgspec.field(default_factory=list)
    peak_mb: list[float] = msgspec.field(default_factory=list)


class Measured(msgspec.Struct):
    """The runs of one side in one step of a case: seconds and megabytes, in the order of the runs.

    `fault` says why there are no numbers, `wrong` what is wrong with the result of the side. Where several
    processes work, `parts` tells them apart, and `load` has the load average of the minute before each run.
    """

    side: str
    step: str
    wall_s: list[float] = msgspec.field(default_factory=list)
    cpu_s: list[float] = msgspec.field(default_factory=list)
    tree_mb: list[float] = msgspec.field(default_factory=list)
    largest_mb: list[float] = msgspec.field(default_factory=list)
    server_cpu_s: list[float] = msgspec.field(default_factory=list)
    others_cpu_s: list[float] = msgspec.field(default_factory=list)
    fault: str | None = None
    wrong: str | None = None
    parts: dict[str, Part] = msgspec.field(default_factory=dict)
    load: list[float] = msgspec.field(default_factory=list)

    def take(self, run: Run, server_cpu_s: float) -> None:
        """Add one run's numbers."""
        self.wall_s.append(round(run.wall_s, 4))
        self.cpu_s.append(round(run.cpu_s, 4))
        self.tree_mb.append(round(run.tree_mb, 1))
        self.largest_mb.append(round(run.largest_mb, 1))
        self.server_cpu_s.append(round(server_cpu_s, 2))
        self.others_cpu_s.append(round(max(0.0, run.machine_s - run.cpu_s - server_cpu_s), 2))

    @property
    def wall(self) -> float | None:
        """The median in seconds."""
        return median(self.wall_s) if self.wall_s else None

    @property
    def cpu(self) -> float | None:
        """The median in seconds."""
        return median(self.cpu_s) if self.cpu_s else None

    @property
    def peak_mb(self) -> float | None:
        """The median of the peaks, in megabytes."""
        peaks = [max(pair) for pair in zip(self.tree_mb, self.largest_mb, strict=True)]
        return median(peaks) if peaks else None

    @property
    def server_share(self) -> float | None:
        """The largest share of a run's time in which the server's processor was busy."""
        return self._share(self.server_cpu_s)

    @property
    def others_share(self) -> float | None:
        """The largest share of a run's time in which other programs used a processor."""
        return self._share(self.others_cpu_s)

    def part_cpu(self, name: str) -> float | None:
        """The median of a part's processor time, in seconds."""
        return median(self.parts[name].cpu_s) if name in self.parts else None

    def part_peak_mb(self, name: str) -> float | None:
        """The median of the peaks of a part's largest process, in megabytes."""
        return median(self.parts[name].peak_mb) if name in self.parts else None

    def _share(self, cpu_s: list[float]) -> float | None:
        shares = [cpu / wall for cpu, wall in zip(cpu_s, self.wall_s, strict=False)]
        return max(shares, default=None)


class Result(msgspec.Struct):
    """One case. `facts` are its other numbers, such as its size and how many requests it needs."""

    case: str
    facts: dict[str, float]
    measured: list[Measured]
    ceiling: Ceiling | None
    measured_at: str
    commit: str
    machine: dict[str, str]

    def of(self, side: str, step: str) -> Measured | None:
        """The runs of one side at one step."""
        return next((each for each in self.measured if (each.side, each.step) == (side, step)), None)


Results: TypeAlias = Mapping[str, Result]


def new_result(
    case: str, facts: Mapping[str, float], measured: list[Measured], ceiling: Ceiling | None
) -> Result:
    """A new result on this machine, for the commit that is checked out."""
    return Result(
        case=case,
        facts=dict(facts),
        measured=measured,
        ceiling=ceiling,
        measured_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        machine={
            "processors": str(os.cpu_count()),
            "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
            "system": platform.system(),
            "python": platform.python_version(),
            "duckdb": version("duckdb"),
        },
    )


def save(result: Result, folder: Path) -> None:
    """Replace the case's previous result."""
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(result), indent=1)
    (folder / f"{result.case}.json").write_bytes(text + b"\n")


def load(folder: Path) -> Results:
    """Every result in `folder` by its case."""
    found = (msgspec.json.decode(path.read_bytes(), type=Result) for path in sorted(folder.glob("*.json")))
    return {result.case: result for result in found}


def _commit() -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"
