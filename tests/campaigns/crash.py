"""Runs that are killed at random: `make campaign-crash` runs KILLS=1000 of them.

After each, the published warehouse is that of the previous or of the new run, and a plain run succeeds.
"""

import errno
import functools
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise, repeat
from pathlib import Path

import duckdb

from pipelines.config.tables import PREVIOUS_KEPT
from pipelines.warehouse.paths import previous_path
from tests.support.forked import Forked, Order
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

History = tuple[str, ...]


class Runs:
    """Runs of one home; each finds its only project under a new name: 1, 2, 3."""

    def __init__(self, home: Path, loopback: Loopback, forked: Forked, *, light: bool) -> None:
        self.home = home
        self.output = home.with_suffix(".output")
        self.light = light
        self._loopback, self._forked = loopback, forked
        self._listed = 0
        base_url = loopback.serve("belltastic", Answer([]))
        Home(home).connect("belltastic", base_url=base_url, api_token="user_1")
        self.history: History = ()
        """What the published warehouse tells, as far as it is known."""

    def start(self, **options: object) -> int:
        """Start a run. Returns its process id."""
        self._listed += 1
        self._loopback.serve("belltastic", Answer([{"id": 1, "name": str(self._listed)}]))
        order = {"home": str(self.home), "output": str(self.output), "light": self.light} | options
        return self._forked.begin(Order(**order))

    def end(self, process: int) -> int:
        """Wait for a run to end; returns its exit code, or less than 0 the signal that killed it.

        Raises AssertionError where what is published then is neither the old run nor the new one.
        """
        ended = self._forked.wait(process)
        previous = self.history
        self.history = published(self.home / "warehouse.duckdb")
        assert self.history in {previous, (*previous, str(self._listed))}, (previous, self.history)
        beside = published(self.home / "warehouse.previous.duckdb")
        assert beside in {self.history, self.history[:-1]}, (beside, self.history)
        return ended

    def run(self, **options: object) -> int:
        """Start a run and wait for its end, as `start` and `end` do."""
        return self.end(self.start(**options))

    def plain(self) -> None:
        """Execute a run without a fault; it must succeed, and leave no files behind."""
        before = self.history
        assert self.run() == 0, self.output.read_text()
        assert self.history == (*before, str(self._listed))
        left = {path.name for path in self.home.iterdir()} - {".dlt", "logs"}
        assert left <= {".rollcall", *(path.name for path in self._kept())}, left
        assert tidied(self.home)

    def settle(self) -> None:
        """Start a plain run if the last one ended while it moved older files: the next has fewer to move."""
        kept = [path for path in self._kept() if path.exists()]
        if any(newer.samefile(older) for newer, older in pairwise(kept)):
            self.plain()

    def _kept(self) -> list[Path]:
        warehouse = self.home / "warehouse.duckdb"
        return [warehouse, *(previous_path(warehouse, number) for number in range(1, PREVIOUS_KEPT + 1))]


def tidied(home: Path) -> bool:
    """Whether no scratch directory is left."""
    left = {path.name for path in (home / ".rollcall").iterdir()}
    return left == {"published", "warehouse.duckdb.fingerprint", "warehouse.duckdb.lock"}


def published(warehouse: Path) -> History:
    """The names of the project, one for each run; all tables must be readable and agree on them."""
    return _history(warehouse.read_bytes()) if warehouse.exists() else ()


@functools.lru_cache(maxsize=4)
def _history(content: bytes) -> History:
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy.duckdb"
        copy.write_bytes(content)
        with duckdb.connect(str(copy), read_only=True) as db:
            tables = db.execute(
                "select schema_name, table_name from duckdb_tables() where not internal"
            ).fetchall()
            for schema, table in tables:
                db.execute(f'from "{schema}"."{table}"').fetchall()
            names = db.execute("select payload ->> 'name' from raw.records order by valid_from").fetchall()
            found = db.execute(
                "select (select name from projects), (select count(*) from runs), count(*) "
                "from raw.records where valid_to is null"
            ).fetchall()
    assert found == [(*names[-1], len(names), 1)], (found, names)
    return tuple(name for (name,) in names)


def befores(steps: Sequence[str]) -> list[str]:
    """The moments before each step; after a step is before the next one."""
    return [step for step in steps if step.endswith(" before")]


def kind(step: str) -> str:
    """What `replace 2 before` is one of."""
    return re.sub(r"( \d+)? (before|after)", "", step)


def steps_of(runs: Runs) -> list[str]:
    """The steps that a run takes, in order, each with `before` or `after`."""
    path = runs.home.with_suffix(".steps")
    path.unlink(missing_ok=True)
    assert runs.run(steps=str(path)) == 0
    return path.read_text().splitlines()


def kill_at(runs: Runs, steps: Sequence[str]) -> None:
    """Kill a run at each of these steps; the next run cleans up after all of them."""
    for step in steps:
        ended = runs.run(at=step)
        assert ended == -signal.SIGKILL, (step, ended, runs.output.read_text())
        runs.settle()
    runs.plain()


def fail_at(runs: Runs, steps: Sequence[str], errors: Iterable[int]) -> None:
    """Let the disk fail at each of these steps. One line reports it. After publication, the run succeeds."""
    published_before = steps.index("replace 5 before") + 1 if "replace 5 before" in steps else len(steps)
    for number, (step, error) in enumerate(zip(steps, errors, strict=False)):
        before = runs.history
        ended = runs.run(at=step, error=error)
        printed = runs.output.read_text()
        is_published = number >= published_before
        assert (ended, runs.history != before) == ((0, True) if is_published else (1, False)), (step, printed)
        if not is_published:
            expected = f"rollcall: cannot write to the disk of {runs.home} ({os.strerror(error)})"
            assert (printed.startswith(expected), printed.count("\n")) == (True, 1), (step, printed)
        runs.settle()
    runs.plain()


def refuse_at(runs: Runs, steps: Sequence[str], errors: Iterable[int]) -> None:
    """Let the call of each of these steps fail: a run continues without it, or says what to do."""
    for step, error in zip(steps, errors, strict=False):
        before = runs.history
        ended = runs.run(at=step, error=error)
        printed = runs.output.read_text()
        assert (runs.history != before) == (ended == 0), (step, printed)
        if ended:
            assert (ended, printed.count("\n")) == (2, 1), (step, printed)
            assert re.match(r"rollcall: the file system of .* \(.*\)\. Keep it on another disk: ", printed), (
                step,
                printed,
            )
        runs.settle()
    runs.plain()


def kill_at_random(runs: Runs, kills: int, *, plain_every: int) -> int:
    """Kill runs after a random time; returns how many were still running then."""
    runs.plain()
    began = time.monotonic()
    runs.plain()
    lasts = time.monotonic() - began
    running = 0
    for number in range(1, kills + 1):
        process = runs.start()
        time.sleep(random.uniform(0, lasts))
        os.kill(process, signal.SIGKILL)
        running += runs.end(process) == -signal.SIGKILL
        if number % plain_every == 0:
            runs.plain()
    return running


def main() -> None:
    """Kill runs and let them fail at every step; then kill KILLS at random, each followed by a plain run."""
    kills = int(os.environ.get("KILLS") or 1000)
    with tempfile.TemporaryDirectory() as directory, Loopback() as loopback, Forked() as forked:
        home = Path(directory) / "home"
        home.mkdir()
        runs = Runs(home, loopback, forked, light=False)
        for _ in range(PREVIOUS_KEPT + 2):  # the next one drops the oldest file
            runs.plain()
        steps = steps_of(runs)
        kill_at(runs, steps)
        for error in (errno.ENOSPC, errno.EIO, errno.EROFS):
            fail_at(runs, befores(steps), repeat(error))
        for error in (errno.EPERM, errno.EINVAL, errno.ENOTSUP):
            refuse_at(runs, befores(steps), repeat(error))
        sys.stdout.write(f"{len(befores(steps))} steps, killed before and after, failing with 6 errors\n")
        running = kill_at_random(runs, kills, plain_every=1)
    sys.stdout.write(f"{kills} kills, {running} of a run that was still running, 0 violations\n")


if __name__ == "__main__":
    main()
