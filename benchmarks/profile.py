"""Where the time of a run of 100,000 projects goes: `make profile` measures a first and an unchanged one.

Each of them runs twice in a process of its own: once with a clock on its steps and on every SQL statement,
once under py-spy, which samples two hundred times a second which thread holds Python's lock. The steps of
runs that mostly wait for answers are timed too, and every statement of a small run in which nothing changed.
The results are stored in `benchmarks/results/inside/profile.json` and shown in `benchmarks/README.md`.
"""

import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import nlargest
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from benchmarks import INSIDE, ROOT
from benchmarks.server import LATENCY_S, PROVIDERS, Server
from benchmarks.sides import connect, furnish

if TYPE_CHECKING:
    import duckdb

SIZE = 100_000
FEW = 10_000
SMALL = 1_000
SAMPLES_PER_S = 200
STATEMENTS = 6
LEAST_S = 0.01  # of a statement that gets its own line
LONGEST_TITLE = 80
# What a run calls for each step, by the module that it is looked up in.
STEPS = {
    "load_connections": ("pipelines.commands.sync", "configuration, and importing dlt"),
    "open_draft": ("pipelines.warehouse.file_store", "copying and reading the published file"),
    "plan_run": ("pipelines.commands.sync", "windows and known records"),
    "land": ("pipelines.commands.sync", "requests, verification and landing"),
    "merge": ("pipelines.commands.sync", "merging"),
    "update": ("pipelines.transform.build", "the models"),
    "check_run": ("pipelines.transform.build", "the checks"),
    "publish": ("pipelines.warehouse.file_store", "publication"),
}
WAITING = {"Matter": ("matter",), "Fone Dynamics": ("fone_dynamics",), "all five": PROVIDERS}
# The first of these in a Python stack shows what the time is spent on.
PURPOSES = {
    "read_record (pipelines/extract/records.py": "reading and hashing records",
    "read_page (pipelines/providers": "cutting pages into records",
    "_table (pipelines/load/listings.py": "making Arrow tables",
    "get (pipelines/extract/client.py": "HTTP",
    "known_records (pipelines/load/plan.py": "known records",
    "batches (pipelines/extract/listing.py": "verification of the listing",
    "(dlt/": "dlt",
    "(<frozen importlib": "imports",
}


def profile(say: Callable[[str], None]) -> dict[str, Any]:
    """The time of each run's steps, statements and lock holders: wall and CPU in seconds, shares of 1."""
    found: dict[str, Any] = {"waiting": _waiting(say), "nothing": _nothing_to_do(say)}
    with Server(projects={"matter": SIZE}) as server:
        server.warm("matter")
        for spying in (False, True):
            with tempfile.TemporaryDirectory() as directory:
                home = Path(directory)
                furnish(home, server)
                for run in ("first", "unchanged"):
                    say(f"{run}{', under py-spy' if spying else ''}")
                    if spying:
                        found[run]["holders"] = _spied(_run(home), home / "stacks")
                    else:
                        found[run] = _clocked(home)
    return found


def _waiting(say: Callable[[str], None]) -> dict[str, Any]:
    """The same for first runs with slow answers: two providers alone, and all five together."""
    found = {}
    with Server(projects=dict.fromkeys(PROVIDERS, FEW), files=FEW) as server:
        for latency_s in (0.0, LATENCY_S):  # the server makes every answer first
            server.control(latency_s=latency_s)
            for title, providers in WAITING.items():
                say(f"{title}, {1000 * latency_s:.0f} ms")
                with tempfile.TemporaryDirectory() as directory:
                    connect(Path(directory), server, *providers)
                    found[title] = _clocked(Path(directory))
    return found


def _nothing_to_do(say: Callable[[str], None]) -> dict[str, Any]:
    """The third of three runs over a few projects that do not change."""
    found: dict[str, Any] = {}
    with Server(projects={"matter": SMALL}) as server, tempfile.TemporaryDirectory() as directory:
        server.warm("matter")
        furnish(Path(directory), server)
        for number in range(3):
            say(f"{SMALL:,} projects, run {number + 1}")
            found = _clocked(Path(directory))
    return found


def _run(home: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.profile", "--run", str(home)]


def _clocked(home: Path) -> dict[str, Any]:
    done = subprocess.run(_run(home), cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _spied(command: list[str], stacks: Path) -> dict[str, float]:
    """The share of each purpose in the time that Python's lock is held."""
    options = ["--rate", str(SAMPLES_PER_S), "--gil", "--format", "raw", "--output", str(stacks)]
    subprocess.run(
        ["py-spy", "record", *options, "--", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    samples: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        purpose = next((purpose for part, purpose in PURPOSES.items() if part in stack), "everything else")
        samples[purpose] += int(count)
    return {purpose: count / samples.total() for purpose, count in samples.most_common()}


def clocked_run(home: Path) -> dict[str, Any]:
    """Run in this process. Returns the time of its steps and of its longest statements."""
    began = _now()
    import duckdb

    from pipelines.commands import sync

    took: dict[str, tuple[float, float]] = {"import": _since(began)}
    statements: dict[str, list[float]] = {}

    @contextmanager
    def clocked(name: str) -> Iterator[None]:
        started = _now()
        yield
        took[name] = _since(started)

    def clock(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def step(*arguments: object, **options: object) -> object:
            with clocked(name):
                return real(*arguments, **options)

        setattr(module, name, step)

    for name, (module, _) in STEPS.items():
        clock(importlib.import_module(module), name)
    connect = duckdb.connect
    duckdb.connect = lambda *arguments, **options: _Connection(connect(*arguments, **options), statements)  # type: ignore[assignment]
    with clocked("all"):
        sync.sync(home)
    return {"steps": took, "statements": statements}


class _Connection:
    """A DuckDB connection that times its statements: the CPU of all its threads."""

    def __init__(self, real: "duckdb.DuckDBPyConnection", took: dict[str, list[float]]) -> None:
        self._real = real
        self._took = took

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def execute(self, statement: str, *parameters: object) -> "_Connection":
        self._clock(_title(statement), lambda: self._real.execute(statement, *parameters))
        return self

    def commit(self) -> None:
        self._clock("commit", self._real.commit)

    def _clock(self, title: str, work: Callable[[], object]) -> None:
        started = time.process_time()
        work()
        self._took.setdefault(title, []).append(time.process_time() - started)


def _title(statement: str) -> str:
    """What a statement creates, or else its beginning, without directories of paths."""
    lines = [line for line in map(str.strip, statement.strip().splitlines()) if not line.startswith("--")]
    named = next((line for line in lines if line.startswith(("create or replace t", "insert into"))), None)
    title = named or " ".join(lines)
    return re.sub(r"'/[^']*/", "'", title)[:LONGEST_TITLE].removesuffix(" as")


def _now() -> tuple[float, float]:
    times = os.times()
    return time.perf_counter(), times.user + times.system


def _since(began: tuple[float, float]) -> tuple[float, float]:
    """Wall and CPU."""
    wall, cpu = _now()
    return wall - began[0], cpu - began[1]


def section(found: Mapping[str, Any]) -> list[tuple[str, list[list[str]]]]:
    """Tables with their headings: steps, statements, holders of the lock, steps of runs that wait."""
    first, unchanged = found["first"], found["unchanged"]
    statements = [["statement", "first", "unchanged"]]
    sums = [{title: sum(times) for title, times in run["statements"].items()} for run in (first, unchanged)]
    longest = (title for each in sums for title in nlargest(STATEMENTS, each, each.__getitem__))
    for title in dict.fromkeys(longest):
        cells = [each.get(title) for each in sums]
        statements.append([f"`{title}`", *("" if cell is None else f"{cell:.2f} s" for cell in cells)])
    holders = [["purpose", "first", "unchanged"]]
    for purpose in dict.fromkeys([*first["holders"], *unchanged["holders"]]):
        cells = [run["holders"].get(purpose, 0) for run in (first, unchanged)]
        holders.append([purpose, *(f"{share:.0%}" for share in cells)])
    return [
        ("The steps of a run", _steps({"first": first, "unchanged": unchanged})),
        ("The slowest SQL statements, in CPU seconds of both threads", statements),
        ("Who holds Python's global interpreter lock", holders),
        (
            f"First runs of {FEW:,} records each, {1000 * LATENCY_S:.0f} ms per request",
            _steps(found["waiting"]),
        ),
        (f"A run over {SMALL:,} projects in which nothing changed", _steps({"unchanged": found["nothing"]})),
        ("Its SQL statements", _statements(found["nothing"]["statements"])),
    ]


def _statements(took: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """How often each statement ran and how long it took. The short ones are added up."""
    rows = [["statement", "times", "CPU"]]
    sums = {title: sum(times) for title, times in took.items()}
    long = [title for title in sorted(sums, key=sums.__getitem__, reverse=True) if sums[title] >= LEAST_S]
    for title in long:
        rows.append([f"`{title}`", str(len(took[title])), f"{1000 * sums[title]:.1f} ms"])
    short = [title for title in took if title not in long]
    rest = 1000 * sum(sums[title] for title in short)
    rows.append([f"{len(short)} others", str(sum(len(took[title]) for title in short)), f"{rest:.1f} ms"])
    every = 1000 * sum(sums.values())
    rows.append(["**all**", str(sum(map(len, took.values()))), f"{every:.1f} ms"])
    return rows


def _steps(runs: Mapping[str, Any]) -> list[list[str]]:
    """Wall and CPU of each step of every run."""
    rows = [["step", *(cell for title in runs for cell in (title, "CPU"))]]
    steps = {name: about for name, (_, about) in STEPS.items()}
    for name, about in {"import": "importing duckdb and pyarrow", **steps, "all": "**all**"}.items():
        seconds = [each for run in runs.values() for each in run["steps"].get(name, (0, 0))]
        rows.append([about, *(f"{each:.2f} s" for each in seconds)])
    return rows


@click.command()
@click.option("--run", "home", type=click.Path(path_type=Path), hidden=True)
def main(home: Path | None) -> None:
    """Measure, and store the results."""
    if home is not None:
        click.echo(json.dumps(clocked_run(home)))
        return
    INSIDE.mkdir(exist_ok=True)
    (INSIDE / "profile.json").write_text(json.dumps(section(profile(click.echo)), indent=1) + "\n")


if __name__ == "__main__":
    main()
