"""Nights that are killed at random: `make campaign-crash` runs KILLS=1000 of them.

After each the published warehouse is the old night's or the new one's, and a plain night succeeds.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from tests.home import Home
from tests.loopback import Answer, Loopback
from tests.operation.forked import Forked, Order

History = tuple[str, ...]


class Nights:
    """Nights of one home; each finds the one project there under a new name: 1, 2, 3."""

    def __init__(self, home: Path, loopback: Loopback, forked: Forked, *, light: bool) -> None:
        self.home = home
        self.said = home.with_suffix(".said")
        self.light = light
        self._loopback, self._forked = loopback, forked
        self._listed = 0
        base_url = loopback.serve("belltastic", Answer([]))
        Home(home).connect("belltastic", base_url=base_url, api_token="user_1")
        self.history: History = ()
        """What the published warehouse tells, as far as it is known."""

    def start(self, **options: object) -> int:
        """Begin a night; returns its process id."""
        self._listed += 1
        shutil.rmtree(self.home / "logs", ignore_errors=True)  # old ones are removed now and then
        self._loopback.serve("belltastic", Answer([{"id": 1, "name": str(self._listed)}]))
        order = {"home": str(self.home), "said": str(self.said), "light": self.light} | options
        return self._forked.night(Order(**order))

    def end(self, process: int) -> int:
        """Wait for a night to end; returns its exit code, or less than 0 the signal that killed it.

        Raises AssertionError where what is published then is neither the old night nor the new one.
        """
        ended = self._forked.wait(process)
        former = self.history
        self.history = published(self.home / "warehouse.duckdb")
        assert self.history in {former, (*former, str(self._listed))}, (former, self.history)
        beside = published(self.home / "warehouse.former.duckdb")
        assert beside in {self.history, self.history[:-1]}, (beside, self.history)
        return ended

    def run(self, **options: object) -> int:
        """Run a night to its end, as `start` and `end` do."""
        return self.end(self.start(**options))

    def plain(self) -> None:
        """Run a night that nothing befalls; it must succeed, and leave nothing lying about."""
        before = self.history
        assert self.run() == 0, self.said.read_text()
        assert self.history == (*before, str(self._listed))
        left = {path.name for path in self.home.iterdir()} - {".dlt", "logs"}
        assert left <= {".rollcall", "warehouse.duckdb", "warehouse.former.duckdb"}, left
        assert [path.name for path in (self.home / ".rollcall").iterdir()] == ["warehouse.duckdb.lock"]


def published(warehouse: Path) -> History:
    """The names that the project had, one of each night; all tables must be readable, and agree on them."""
    if not warehouse.exists():
        return ()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
        for schema, table in tables:
            connection.execute(f'from "{schema}"."{table}"').fetchall()
        names = connection.execute(
            "select payload ->> 'name' from raw.records order by valid_from"
        ).fetchall()
        told = connection.execute(
            "select (select name from projects), (select count(*) from nights), count(*) from raw.records "
            "where valid_to is null"
        ).fetchall()
    assert told == [(*names[-1], len(names), 1)], (told, names)
    return tuple(name for (name,) in names)


def kill_at_random(nights: Nights, kills: int, *, plain_every: int) -> int:
    """Kill nights after a random time; returns how many were still running then."""
    nights.plain()
    began = time.monotonic()
    nights.plain()
    lasts = time.monotonic() - began
    running = 0
    for number in range(1, kills + 1):
        process = nights.start()
        time.sleep(random.uniform(0, lasts))
        os.kill(process, signal.SIGKILL)
        running += nights.end(process) == -signal.SIGKILL
        if number % plain_every == 0:
            nights.plain()
    return running


def main() -> None:
    """Kill KILLS nights, a plain one after each."""
    kills = int(os.environ.get("KILLS") or 1000)
    with tempfile.TemporaryDirectory() as directory, Loopback() as loopback, Forked() as forked:
        home = Path(directory) / "home"
        home.mkdir()
        nights = Nights(home, loopback, forked, light=False)
        running = kill_at_random(nights, kills, plain_every=1)
    sys.stdout.write(f"{kills} kills, {running} of a night that was still running, 0 violations\n")


if __name__ == "__main__":
    main()
