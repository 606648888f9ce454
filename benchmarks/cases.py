"""The cases that are measured, by name. A case has a size and a number of repetitions. A runner measures a
group of cases that share their runs.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import CONTROL, ROOT
from benchmarks.bench import Bench, Faulty, wrong
from benchmarks.environments import PYTHON
from benchmarks.results import Measured, Result, new_result
from benchmarks.server import LATENCY_S, PROVIDERS, Ceiling, Server
from benchmarks.sides import IN_FLIGHT, PEERS, ROLLCALL, SIDES, SYNC, Side, configure, connect, furnish

ALL = tuple(SIDES)
TOOLS = tuple(side for side in SIDES if side != "limit")  # what a user might run
SLOW_LATENCY_S = 0.3
MANY_RUNS = 400
FEW_RUNS = 12  # with a size other than the case's
OURS_AND_LIMIT = ("rollcall", "limit")  # with a million, the others would take half an hour
OLD_VERSIONS = 9
PAGE_SIZE = 100


@dataclass(frozen=True)
class Case:
    """One thing to measure: `size` is the number of records, `repeat` how often each side runs."""

    name: str
    about: str
    runner: Callable[[Bench, Sequence["Case"]], list[Result]]
    size: int
    repeat: int
    sides: Sequence[str] = ("rollcall",)
    run: str = "first"
    latency_s: float = 0.0

    @property
    def group(self) -> tuple[object, ...]:
        """The cases of a group share their runs."""
        return self.runner, self.size, self.latency_s


def runs(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """Matter: the first run of every side in an empty home, and then a run in which nothing changed."""
    case = max(cases, key=lambda one: len(one.sides))
    size, repeat = bench.size or case.size, bench.repeat or case.repeat
    ready, missing = bench.chosen(case.sides)
    found = {(side.name, one.run): Measured(side.name, one.run) for side in ready for one in cases}
    published = None
    with Server(projects={"matter": size}) as server:
        ceiling = _warm(bench, server, "matter")
        server.control(latency_s=case.latency_s)
        for turn in range(repeat):
            # The order changes, so that no tool always runs after the slowest one.
            for side in _turned(ready, turn):
                with bench.home() as home:
                    furnish(home, server)
                    steps = [found.get((side.name, run)) for run in ("first", "unchanged")]
                    _two_runs(bench, side, home, server, size, steps)
                    if side.name == "rollcall":
                        published = _mb_per_million(home, size)
    facts = {
        "size": size,
        "requests": -(-size // PAGE_SIZE),
        "in_flight": IN_FLIGHT,
        "latency_s": case.latency_s,
    }
    if published is not None:
        facts["mb_per_million"] = published
    return [
        new_result(
            one.name,
            facts,
            [found[side.name, one.run] for side in ready] + [_at(one.run, each) for each in missing],
            ceiling,
        )
        for one in cases
    ]


def _turned(sides: list[Side], turn: int) -> list[Side]:
    """The same sides, in another order each turn."""
    first = turn % max(1, len(sides))
    return sides[first:] + sides[:first]


def _two_runs(
    bench: Bench, side: Side, home: Path, server: Server, size: int, steps: Sequence[Measured | None]
) -> None:
    """The first run, and the second if it is wanted. The result of each is checked."""
    wanted = [step for step in steps if step]
    if any(step.fault for step in wanted):
        return
    try:
        for step in steps[: 1 + max(place for place, step in enumerate(steps) if step)]:
            if step:
                bench.take(step, server, bench.command(side, home), home)
                step.wrong = step.wrong or wrong(side, home, size)
            else:
                bench.run(bench.command(side, home), home)
    except Faulty as fault:
        bench.say(f"  {side.name}: {fault}")
        for step in wanted:
            step.fault = str(fault)


def _at(step: str, missing: Measured) -> Measured:
    return Measured(missing.side, step, fault=missing.fault)


def files(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """EvoVoice's files, in a first run."""
    (case,) = cases
    size, measured = bench.size or case.size, Measured("rollcall", "first")
    with Server(projects={"evovoice": max(1, size // 100)}, files=size) as server:
        ceiling = _warm(bench, server, "evovoice")
        for _ in range(bench.repeat or case.repeat):
            with bench.home() as home:
                connect(home, server, "evovoice")
                bench.take(measured, server, SYNC, home)
                measured.wrong = measured.wrong or wrong(SIDES["rollcall"], home, size)
                published = _mb_per_million(home, size)
    facts = {"size": size, "mb_per_million": published}
    return [new_result(case.name, facts, [measured], ceiling)]


def long_history(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """A run on ten versions of every project, compared with a first run and with one on a single version."""
    (case,) = cases
    size = bench.size or case.size
    steps = {step: Measured("rollcall", step) for step in ("first", "unchanged", "unchanged 10x")}
    with Server(projects={"matter": size}) as server, bench.home() as old:
        ceiling = _warm(bench, server, "matter")
        furnish(old, server)
        for edition in range(OLD_VERSIONS, -1, -1):
            server.control(edition=edition)
            bench.run(SYNC, old)
        for _ in range(bench.repeat or case.repeat):
            with bench.home() as home:
                furnish(home, server)
                for step, place in (("first", home), ("unchanged", home), ("unchanged 10x", old)):
                    bench.take(steps[step], server, SYNC, place)
        steps["unchanged 10x"].wrong = wrong(SIDES["rollcall"], old, size, each=1 + OLD_VERSIONS)
        published = _mb_per_million(old, size * (1 + OLD_VERSIONS))
    facts = {"size": size, "mb_per_million": published}
    return [new_result(case.name, facts, list(steps.values()), ceiling)]


def links(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """EvoVoice's files with other links on every run: all bytes differ, but nothing has changed."""
    (case,) = cases
    size = bench.size or case.size
    steps = {step: Measured("rollcall", step) for step in ("first", "unchanged", "new links")}
    with Server(projects={"evovoice": max(1, size // 100)}, files=size) as server:
        ceiling = _warm(bench, server, "evovoice")
        for _ in range(bench.repeat or case.repeat):
            with bench.home() as home:
                connect(home, server, "evovoice")
                for edition, (step, measured) in enumerate(steps.items()):
                    server.control(edition=edition if step == "new links" else 0)
                    bench.take(measured, server, (*SYNC, "--full"), home)
                    measured.wrong = measured.wrong or wrong(SIDES["rollcall"], home, size)
    return [new_result(case.name, {"size": size}, list(steps.values()), ceiling)]


def many_runs(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """Many runs in one process, each with 1 % of the projects changed."""
    (case,) = cases
    size, runs = bench.size or case.size, FEW_RUNS if bench.size else MANY_RUNS
    measured = Measured("rollcall", f"{runs} runs")
    pages = -(-size // PAGE_SIZE)
    with Server(projects={"matter": size}) as server, bench.home() as home:
        ceiling = _warm(bench, server, "matter")
        furnish(home, server)
        playing = ("-m", "benchmarks.play", server.url + CONTROL, str(home), str(runs), str(pages))
        done = bench.take(measured, server, ["env", f"PYTHONPATH={ROOT}", str(PYTHON), *playing], home)
        took = [json.loads(line) for line in done.output.splitlines() if line.startswith("[")]
    facts = {
        "size": size,
        "runs": runs,
        "early_cpu_s": median(cpu_s for cpu_s, _ in took[1:6]),
        "late_cpu_s": median(cpu_s for cpu_s, _ in took[-5:]),
        "early_mb": took[runs // 8][1],
        "late_mb": took[-1][1],
    }
    return [new_result(case.name, facts, [measured], ceiling)]


def together(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """Five providers, each alone and all of them in one run."""
    (case,) = cases
    size = bench.size or case.size
    with Server(
        projects=dict.fromkeys(PROVIDERS, size),
        files=size,
    ) as server:
        with bench.home() as home:
            connect(home, server, *server.settings)
            bench.run(SYNC, home)  # the server makes every answer once
        server.control(latency_s=case.latency_s)
        steps = {step: Measured("rollcall", step) for step in (*server.settings, "together")}
        for _ in range(bench.repeat or case.repeat):
            for step, measured in steps.items():
                with bench.home() as home:
                    connect(home, server, *(server.settings if step == "together" else (step,)))
                    bench.take(measured, server, SYNC, home)
    facts = {"size": size, "latency_s": case.latency_s}
    return [new_result(case.name, facts, list(steps.values()), None)]


def nothing_changed(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """A small run in which nothing changed, and the share of imports in it."""
    (case,) = cases
    size = bench.size or case.size
    run, importing = Measured("rollcall", "unchanged"), Measured("rollcall", "with a clock on imports")
    import_s = []
    with Server(projects={"matter": size}) as server, bench.home() as home:
        ceiling = _warm(bench, server, "matter")
        furnish(home, server)
        bench.run(SYNC, home)
        for _ in range(bench.repeat or case.repeat):
            bench.take(run, server, SYNC, home)
            clocked = [str(PYTHON), "-X", "importtime", str(ROLLCALL), "sync", "--quiet"]
            done = bench.take(importing, server, clocked, home)
            import_s.append(sum(map(int, re.findall(r"^import time:\s+(\d+) \|", done.output, re.M))) / 1e6)
    shares = [seconds / wall for seconds, wall in zip(import_s, importing.wall_s, strict=True)]
    facts = {"size": size, "import_s": sorted(import_s)[len(import_s) // 2]}
    facts["import_share"] = sorted(shares)[len(shares) // 2]
    return [new_result(case.name, facts, [run, importing], ceiling)]


def commands(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """The verbs for which a person waits."""
    (case,) = cases
    size = bench.size or case.size
    verbs = {
        "--help": ("--help",),
        "query": ("query", "select status, count(*) from projects group by all"),
        "status": ("status",),
    }
    steps = {step: Measured("rollcall", step) for step in verbs}
    with Server(projects={"matter": size}) as server, bench.home() as home:
        furnish(home, server)
        bench.run(SYNC, home)
        for _ in range(bench.repeat or case.repeat):
            for step, arguments in verbs.items():
                bench.take(steps[step], None, [str(ROLLCALL), *arguments], home)
    return [new_result(case.name, {"size": size}, list(steps.values()), None)]


def export(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """The report of all projects as CSV, by Rollcall and by DuckDB's COPY of the same SELECT."""
    (case,) = cases
    size = bench.size or case.size
    ours, copy = Measured("rollcall", "export"), Measured("copy", "export")
    report = ROOT / "sql" / "reports" / "projects.sql"
    with Server(projects={"matter": size}) as server, bench.home() as home:
        ceiling = _warm(bench, server, "matter")
        furnish(home, server)
        bench.run(SYNC, home)
        copying = [str(PEERS / "copy_csv.py"), "warehouse.duckdb", str(report), "copied.csv"]
        for _ in range(bench.repeat or case.repeat):
            bench.take(ours, None, [str(ROLLCALL), "export", "projects"], home)
            bench.take(copy, None, [str(PYTHON), *copying], home)
            _same_lines(home / "exports" / "projects.csv", home / "copied.csv")
            shutil.rmtree(home / "exports")
    return [new_result(case.name, {"size": size}, [ours, copy], ceiling)]


def connections(bench: Bench, cases: Sequence[Case]) -> list[Result]:
    """1, 10 and 100 accounts at one provider, each with as many projects."""
    (case,) = cases
    size = bench.size or case.size
    steps = {
        (n, run): Measured("rollcall", f"{n}, {run}") for n in (1, 10, 100) for run in ("first", "unchanged")
    }
    with Server(projects={"matter": size}) as server:
        _warm(bench, server, "matter")
        table = server.settings["matter"] | {"provider": "matter"}
        for _ in range(bench.repeat or case.repeat):
            for n in (1, 10, 100):
                names = [f"company{number}" for number in range(n)]
                with bench.home() as home:
                    configure(
                        home, dict.fromkeys(names, table), dict.fromkeys(names, server.secrets["matter"])
                    )
                    for run in ("first", "unchanged"):
                        step = steps[n, run]
                        bench.take(step, server, SYNC, home)
                        step.wrong = step.wrong or wrong(SIDES["rollcall"], home, n * size)
    return [new_result(case.name, {"size": size}, list(steps.values()), None)]


def _warm(bench: Bench, server: Server, provider: str) -> Ceiling:
    ceiling = server.warm(provider)
    bench.say(
        f"  a client that only fetches pages reaches {ceiling.requests_per_s:.0f} requests/s, "
        f"{ceiling.mb_per_s:.0f} MB/s; {ceiling.pages} pages"
    )
    return ceiling


def _same_lines(ours: Path, other: Path) -> None:
    """Raise Faulty unless both files have the same number of lines."""
    counts = [_lines(path) for path in (ours, other)]
    if counts[0] != counts[1]:
        raise Faulty(f"{ours.name} has {counts[0]} lines, DuckDB's own {counts[1]}")


def _mb_per_million(home: Path, versions: int) -> float:
    """The size of the published file for a million versions, in MB."""
    return (home / SIDES["rollcall"].database).stat().st_size / versions


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _pair(
    label: str, size: int, repeat: int, sides: Sequence[str], latency_s: float = 0.0
) -> tuple[Case, Case]:
    about = f"{size:,} projects of Matter, "
    first, unchanged = about + "first run", about + "a run in which nothing changed"
    if latency_s:
        label += f"-{1000 * latency_s:.0f}ms"
        waiting = f", answers delayed by {1000 * latency_s:.0f} ms"
        first, unchanged = first + waiting, unchanged + waiting
    return (
        Case(f"first-{label}", first, runs, size, repeat, sides, latency_s=latency_s),
        Case(f"unchanged-{label}", unchanged, runs, size, repeat, sides, "unchanged", latency_s),
    )


CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        *_pair("1k", 1_000, 5, ALL),
        *_pair("10k", 10_000, 3, ALL),
        *_pair("100k", 100_000, 3, ALL),
        *_pair("1m", 1_000_000, 1, OURS_AND_LIMIT),
        *_pair("1k", 1_000, 3, TOOLS, LATENCY_S),
        *_pair("1k", 1_000, 3, TOOLS, SLOW_LATENCY_S),
        *_pair("10k", 10_000, 3, TOOLS, LATENCY_S),
        *_pair("10k", 10_000, 1, TOOLS, SLOW_LATENCY_S),
        *_pair("100k", 100_000, 1, TOOLS, LATENCY_S),
        # The others request one page at a time: one run of each takes five minutes.
        *_pair("100k", 100_000, 1, ("rollcall", "by_hand"), SLOW_LATENCY_S),
        Case("files-100k", "100,000 files of EvoVoice, first run", files, 100_000, 3),
        Case("files-1m", "1,000,000 files of EvoVoice, first run", files, 1_000_000, 1),
        Case(
            "history-10x",
            "100,000 projects of Matter of which ten versions each are known, and nothing changed",
            long_history,
            100_000,
            3,
        ),
        Case(
            "links-100k",
            "100,000 files of EvoVoice, read in full, with other links on every run",
            links,
            100_000,
            3,
        ),
        Case(
            "many-runs",
            f"{MANY_RUNS} runs in one process over 2,000 projects of Matter, of which 1 % change each time",
            many_runs,
            2_000,
            1,
        ),
        Case(
            "five-together",
            "Five providers with 10,000 records each, first run, answers delayed by 50 ms",
            together,
            10_000,
            3,
            latency_s=LATENCY_S,
        ),
        Case("nothing-changed", "1,000 projects of Matter, and nothing changed", nothing_changed, 1_000, 5),
        Case("commands", "What a person waits for, on 1,000 projects", commands, 1_000, 11),
        Case("export-1m", "The report of 1,000,000 projects as CSV", export, 1_000_000, 3),
        Case("connections", "1, 10 and 100 accounts at Matter with 100 projects each", connections, 100, 3),
    )
}
