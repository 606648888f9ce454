"""What a measurement needs: scratch homes, the peers' environments, and runs whose results are checked."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from benchmarks.environments import NotInstalled, plain_environment, python_of
from benchmarks.measure import Run, run
from benchmarks.results import Measured
from benchmarks.server import Server
from benchmarks.sides import SIDES, Side

TIMEOUT_S = 3600.0
COUNT = """
import duckdb, sys
database = duckdb.connect(sys.argv[1], read_only=True)
print(*(database.sql(query).fetchall()[0][0] for query in sys.argv[2:]))
"""


class Faulty(Exception):
    """A run that failed. The text says how."""


@dataclass
class Bench:
    """Where cases are measured, and what replaces their own values. None: theirs count."""

    scratch: Path
    say: Callable[[str], None]
    repeat: int | None = None
    size: int | None = None
    sides: Sequence[str] = ()
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def home(self) -> Iterator[Path]:
        """A directory that is removed afterwards."""
        path = self.scratch / "homes" / str(next(self._numbers))
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def chosen(self, sides: Sequence[str]) -> tuple[list[Side], list[Measured]]:
        """The wanted sides of a case that can be run; the others as faults."""
        ready, missing = [], []
        for side in (SIDES[name] for name in sides if not self.sides or name in self.sides):
            try:
                self.pythons(side)
            except NotInstalled as error:
                self.say(f"{side.label} cannot be installed: {error}")
                missing.append(Measured(side.name, "", fault=f"cannot be installed: {error}"))
            else:
                ready.append(side)
        return ready, missing

    def pythons(self, side: Side) -> dict[str, Path]:
        """The interpreters that a side needs. Creates missing environments. Raises NotInstalled."""
        return {name: python_of(name, self.scratch) for name in side.environments}

    def command(self, side: Side, home: Path) -> Sequence[str]:
        """The command that runs a side."""
        return side.command(self.pythons(side), home)

    def run(self, command: Sequence[str], home: Path) -> Run:
        """Run a command once. Raises Faulty if it fails."""
        done = run(command, home, plain_environment(self.scratch), TIMEOUT_S)
        if done.exit_code:
            lines = done.output.strip().splitlines() or ["it printed nothing"]
            raise Faulty(f"ended with {done.exit_code}: {lines[-1][:300]}")
        return done

    def take(self, measured: Measured, server: Server | None, command: Sequence[str], home: Path) -> Run:
        """Run a command, store what it took and the server's share, and print it. Raises as `run` does."""
        before = server.cpu_s() if server else 0.0
        done = self.run(command, home)
        measured.take(done, (server.cpu_s() if server else 0.0) - before)
        self.say(
            f"  {measured.side:<12} {measured.step:<16} {done.wall_s:8.2f} s {done.cpu_s:8.2f} s CPU "
            f"{done.peak_mb:7.0f} MB"
        )
        return done


def wrong(side: Side, home: Path, listed: int, each: int = 1) -> str | None:
    """What is wrong with the database of a side; None if it has `listed` records in `each` versions each."""
    asked = [str(home / side.database), side.listed, side.versions]
    # In a separate process: the kernel counts the peak memory of a child from that of its parent.
    done = subprocess.run([sys.executable, "-c", COUNT, *asked], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"left nothing that can be read: {done.stderr.strip().splitlines()[-1]}"
    found, versions = map(int, done.stdout.split())
    if (found, versions) == (listed, each * listed):
        return None
    return f"holds {found:,} records in {versions:,} versions, not {listed:,} in {each * listed:,}"
