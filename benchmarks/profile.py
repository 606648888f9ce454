"""Where the time of a run of 100,000 projects goes: `make profile` measures a first and an unchanged one.

Each run runs twice in a process of its own: once with a clock on its steps and on every statement of SQL,
once under py-spy, which looks two hundred times a second who holds Python's lock. Of runs in which most of
the time is waited for answers, alone and together, the steps are clocked too. What it finds is kept in
`benchmarks/results/inside/profile.json` and shown on the page on speed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
SAMPLES_PER_S = 200
STATEMENTS = 6
STEPS = {
    "load_connections": "configuration, and importing dlt",
    "draft": "copying and reading the published file",
    "known_texts": "what is known of each record",
    "land": "asking, checking and landing",
    "merge": "merging",
    "update": "the models",
    "check": "the checks",
    "publish": "publication",
}
WAITING = {"Matter": ("matter",), "Fone Dynamics": ("fone_dynamics",), "all five": PROVIDERS}
# The first that a stack of Python's goes through says what it is for.
PURPOSES = {
    "read_record (pipelines/extract/records.py": "reading and hashing records",
    "read_page (pipelines/providers": "cutting pages into records",
    "_table (pipelines/load/landing.py": "making Arrow tables",
    "get (pipelines/extract/client.py": "HTTP",
    "known_texts (pipelines/load/merge.py": "what is known of each record",
    "read_listing (pipelines/extract/listing.py": "proof of the listing",
    "(dlt/": "dlt",
    "(<frozen importlib": "imports",
}


def profile(say: Callable[[str], None]) -> dict[str, Any]:
    """What every night's steps, statements and lock holders took; walls and CPU in seconds, shares of 1."""
    found: dict[str, Any] = {"waiting": _waiting(say)}
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
    """The same of first runs in which each answer takes a while: two providers alone, all five together."""
    found = {}
    with Server(projects=dict.fromkeys(PROVIDERS, FEW), files=FEW) as server:
        for latency_s in (0.0, LATENCY_S):  # first the server makes every answer
            server.control(latency_s=latency_s)
            for title, providers in WAITING.items():
                say(f"{title}, {1000 * latency_s:.0f} ms")
                with tempfile.TemporaryDirectory() as directory:
                    connect(Path(directory), server, *providers)
                    found[title] = _clocked(Path(directory))
    return found


def _run(home: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.profile", "--run", str(home)]


def _clocked(home: Path) -> dict[str, Any]:
    done = subprocess.run(_run(home), cwd=ROOT, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _spied(command: list[str], stacks: Path) -> dict[str, float]:
    """The share of each purpose in the time for which Python's lock is held."""
    options = ["--rate", str(SAMPLES_PER_S), "--gil", "--format", "raw", "--output", str(stacks)]
    subprocess.run(
        ["py-spy", "record", *options, "--", *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    samples: Counter[str] = Counter()
    for line in stacks.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        purpose = next((purpose for part, purpose in PURPOSES.items() if part in stack), "all else")
        samples[purpose] += int(count)
    return {purpose: count / samples.total() for purpose, count in samples.most_common()}


def clocked_run(home: Path) -> dict[str, Any]:
    """Do a run in this process; what its steps and its longest statements took."""
    began = _now()
    from pipelines.commands import sync
    from pipelines.transform import build as models

    took: dict[str, tuple[float, float]] = {"import": _since(began)}
    statements: dict[str, float] = {}

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

    for name in STEPS:
        clock(models if name in {"update", "check"} else sync, name)
    patched: Any = sync
    connect = patched.connect
    patched.connect = lambda *arguments: _Connection(connect(*arguments), statements)
    with clocked("all"):
        sync.sync(home)
    longest = sorted(statements, key=statements.__getitem__, reverse=True)[:STATEMENTS]
    return {"steps": took, "statements": {title: statements[title] for title in longest}}


class _Connection:
    """DuckDB's, with a clock on its statements."""

    def __init__(self, real: "duckdb.DuckDBPyConnection", took: dict[str, float]) -> None:
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
        started = time.perf_counter()
        work()
        self._took[title] = self._took.get(title, 0.0) + time.perf_counter() - started


def _title(statement: str) -> str:
    """What a statement makes, else how it begins."""
    lines = [line.strip() for line in statement.strip().splitlines()]
    named = next((line for line in lines if line.startswith(("create or replace t", "insert into"))), None)
    return (named or next((line for line in lines if not line.startswith("--")), lines[0])).removesuffix(
        " as"
    )


def _now() -> tuple[float, float]:
    times = os.times()
    return time.perf_counter(), times.user + times.system


def _since(began: tuple[float, float]) -> tuple[float, float]:
    """Wall and CPU."""
    wall, cpu = _now()
    return wall - began[0], cpu - began[1]


def section(found: Mapping[str, Any]) -> list[tuple[str, list[list[str]]]]:
    """Tables, each with its heading: steps, statements, holders of the lock, steps of runs that wait."""
    first, unchanged = found["first"], found["unchanged"]
    statements = [["statement", "first", "unchanged"]]
    for title in dict.fromkeys([*first["statements"], *unchanged["statements"]]):
        cells = [run["statements"].get(title) for run in (first, unchanged)]
        statements.append([f"`{title}`", *("" if cell is None else f"{cell:.2f} s" for cell in cells)])
    holders = [["purpose", "first", "unchanged"]]
    for purpose in dict.fromkeys([*first["holders"], *unchanged["holders"]]):
        cells = [run["holders"].get(purpose, 0) for run in (first, unchanged)]
        holders.append([purpose, *(f"{share:.0%}" for share in cells)])
    return [
        ("The steps of a run", _steps({"first": first, "unchanged": unchanged})),
        ("The longest statements of SQL", statements),
        ("Who holds Python's lock", holders),
        (
            f"First runs of {FEW:,} records each, {1000 * LATENCY_S:.0f} ms a request",
            _steps(found["waiting"]),
        ),
    ]


def _steps(runs: Mapping[str, Any]) -> list[list[str]]:
    """Wall and CPU of each step of every night."""
    rows = [["step", *(cell for title in runs for cell in (title, "CPU"))]]
    for name, about in {"import": "importing duckdb and pyarrow", **STEPS, "all": "**all**"}.items():
        seconds = [each for run in runs.values() for each in run["steps"].get(name, (0, 0))]
        rows.append([about, *(f"{each:.2f} s" for each in seconds)])
    return rows


@click.command()
@click.option("--run", "home", type=click.Path(path_type=Path), hidden=True)
def main(home: Path | None) -> None:
    """Measure, and keep what is found."""
    if home is not None:
        click.echo(json.dumps(clocked_run(home)))
        return
    INSIDE.mkdir(exist_ok=True)
    (INSIDE / "profile.json").write_text(json.dumps(section(profile(click.echo)), indent=1) + "\n")


if __name__ == "__main__":
    main()
