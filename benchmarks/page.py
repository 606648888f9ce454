"""Pages from the results: `docs/speed.md` for users, `benchmarks/README.md` for those who work on speed.

`python -m benchmarks.page` writes both, and the figures of `docs/scale.md`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks import INSIDE, RESULTS, ROOT
from benchmarks.cases import CASES, TOOLS
from benchmarks.engines.page import write_figures
from benchmarks.environments import PACKAGES
from benchmarks.goals import GOALS
from benchmarks.growth import FAR, Growth, connections, growth
from benchmarks.markdown import part, seconds, table
from benchmarks.results import Measured, Result, Results, load
from benchmarks.sides import SIDES

INTRODUCTION = """\
# Speed

How long a run of Rollcall takes, from the start of the process to the published file, compared with other
tools. *The limit* is not a tool: it is the least work that brings the pages into DuckDB with a history,
without any check. Every number is a median over whole processes. Within each case, all tools ran in turns
against one server, on one machine with two processors. `make bench` measures again and writes this page.

The cases of 1,000 and of 10,000 projects were measured last; the others are from earlier versions. The speed
of the machine varied by up to a half between runs. Compare numbers within a row, not between sections."""

ANSWERS = """\
## How long a run takes

A provider needs time for each answer. Rollcall requests eight pages of 100 projects at a time, the others
one. The seconds in parentheses are CPU time, which is comparable on a busy machine too."""

HOW = """\
## How it was measured

- The server is the sandbox in its own process. It answers from memory, and every page is requested once
  before the clock starts. Each case also shows how fast a client is that only fetches the pages.
  *Server* is the largest share of a run's time in which the server's processor was busy.
- *Others* is the largest share of a run's time in which unrelated programs used a processor: 100 % is one
  processor all the time. If it is large, read ratios instead of seconds.
- CPU is the user and system time of the process and its children. Memory is the larger of two numbers: the
  largest sum of resident memory over the process tree, sampled twenty times a second (shared pages count in
  each process), and the kernel's own peak of the largest process.
- Every tool starts with compiled bytecode. The files of earlier runs are written to disk before a run begins.
- After every run, the result of each tool is checked. The last column of a table describes a wrong one.
- The docstring of each script in `benchmarks/peers` says what that peer guarantees and what it does not."""

README = """\
# Benchmarks

`make bench` runs all cases; `make bench CASE="first-10k unchanged-10k" N=3` runs two of them, three times
each. The results are in `results/`; [docs/speed.md](../docs/speed.md) and this page are generated from
them. `make profile` measures where the time goes, `make floors` the least that each part needs, and `make
choices` each choice and its alternatives. `make bench-engines` measures lakehouses and engines; the
figures of [docs/scale.md](../docs/scale.md) are generated from its results."""

INSIDES = {
    "profile": """\
## Where the time goes

`make profile` measures a first run over 100,000 projects, and a run in which nothing changed. The last two
tables are of a run over 1,000 projects in which nothing changed: its steps, and its SQL statements.""",
    "floors": """\
## The least that a run needs

`make floors` measures each part of a run by itself, with its library used as directly as possible, and
the limit in the same run. The parts of the first sum do not verify, compare, build or check anything. The
second sum adds the least of that.""",
    "report": """\
## The report

`make bench-report` measures the report in a browser. Opening ends when the page can be searched; a search
ends when what it found is drawn.""",
    "choices": """\
## Choices

`make choices` measures each choice and its alternatives, on records of Matter of about 500 bytes.""",
}
REJECTED = Path(__file__).parent / "rejected.md"
SPEED = ROOT / "docs" / "speed.md"
GOALS_PAGE = Path(__file__).parent / "README.md"

LABELS = {side.name: side.label for side in SIDES.values()} | {"copy": "DuckDB's COPY"}


def page(results: Results, picture: str) -> str:
    """The page for users as Markdown. `picture` is the path of the picture, relative to the page."""
    waiting = _waiting(results)
    sections = [
        INTRODUCTION,
        f"{ANSWERS}\n\n{waiting}" if waiting else "",
        f"![Seconds by number of projects]({picture})" if growth(results) else "",
        _growth(results),
        "# All cases",
        *(_case(results[name]) for name in CASES if name in results),
        HOW,
        _peers(),
        _machines(results) if results else "",
    ]
    return "\n\n".join(section for section in sections if section)


def readme(results: Results, insides: Sequence[str] = ()) -> str:
    """The page for those who work on speed: goals, and where the time goes in the sections `insides`."""
    goals = "## Goals\n\n" + table(("case", "goal", "reached", ""), _goals(results))
    return "\n\n".join((README, goals, *insides))


def _waiting(results: Results) -> str:
    """A table for first runs and one for runs in which nothing changed: a row per size and latency."""
    tables = []
    for run, title in (("first", "The first run"), ("unchanged", "A run in which nothing changed")):
        rows = []
        for result in (results[name] for name in CASES if name in results and CASES[name].run == run):
            latency_s = result.facts.get("latency_s")
            if latency_s and "in_flight" in result.facts:
                cells = [_cell(result.of(side, run)) for side in TOOLS]
                rows.append([f"{int(result.facts['size']):,}", f"{1000 * latency_s:.0f} ms", *cells])
        if rows:
            heading = ("projects", "delay per answer", *(LABELS[side] for side in TOOLS))
            tables.append(f"### {title}\n\n{table(heading, rows)}")
    return "\n\n".join(tables)


def _cell(measured: Measured | None) -> str:
    if measured is None or measured.wall is None or measured.cpu is None:
        return ""
    return f"{seconds(measured.wall)} ({seconds(measured.cpu)})"


def write_pages() -> None:
    """Write both pages from the stored results."""
    results = load(RESULTS)
    SPEED.write_text(page(results, "../benchmarks/results/speed.svg") + "\n")
    GOALS_PAGE.write_text(readme(results, list(insides(INSIDE))) + "\n")


def insides(folder: Path) -> Iterator[str]:
    """The results of `benchmarks.profile` and `benchmarks.choices`, and what was tried and rejected."""
    for name, about in INSIDES.items():
        if (folder / f"{name}.json").exists():
            yield about
            for heading, (columns, *rows) in json.loads((folder / f"{name}.json").read_text()):
                yield f"### {heading}\n\n{table(columns, rows)}"
    yield REJECTED.read_text().strip()


def _goals(results: Results) -> Iterator[Sequence[str]]:
    for case, goals in GOALS.items():
        for goal in goals:
            reached = goal.reached(results)
            if reached is None:
                yield case, goal.text, "not measured", ""
            else:
                yield (
                    case,
                    goal.text,
                    f"{reached:.2f} {goal.unit}",
                    "met" if goal.met(reached) else "**missed**",
                )


def _case(result: Result) -> str:
    lines = [f"## {result.case}", _about(result)]
    rows = [_row(result, measured) for measured in result.measured]
    heading = (
        "tool",
        "step",
        "wall",
        "relative to Rollcall",
        "CPU",
        "peak memory",
        "server",
        "others",
        "runs",
        "wrong result",
    )
    lines.append(table(heading, rows))
    return "\n\n".join(lines)


def _about(result: Result) -> str:
    size = int(result.facts["size"])
    about = f"{CASES[result.case].about}."
    if size != CASES[result.case].size:
        about += f" **Tried with {size:,} instead.**"
    if "in_flight" in result.facts:
        requests, in_flight = int(result.facts["requests"]), int(result.facts["in_flight"])
        about += f" {requests:,} requests; Rollcall and the limit have {in_flight} in flight, the others one."
    if "mb_per_million" in result.facts:
        about += f" The published file takes {result.facts['mb_per_million']:,.0f} MB per million versions."
    if "import_share" in result.facts:
        about += f" Imports take {result.facts['import_s']:.2f} s."
    if result.ceiling:
        ceiling = result.ceiling
        about += (
            f" A client that only fetches pages reaches {ceiling.requests_per_s:,.0f} requests/s, "
            f"{ceiling.mb_per_s:,.0f} MB/s: all {ceiling.pages:,} pages in "
            f"{ceiling.pages / ceiling.requests_per_s:.2f} s, while the server is busy for "
            f"{ceiling.server_cpu_ms_per_request * ceiling.pages / 1000:.2f} s."
        )
    return about


def _row(result: Result, measured: Measured) -> Sequence[str]:
    label = LABELS[measured.side]
    if measured.fault or measured.wall is None:
        return label, measured.step, *[""] * 7, measured.fault or "not run"
    ours = result.of("rollcall", measured.step)
    times = f"{measured.wall / ours.wall:.2f}" if ours and ours.wall and not ours.fault else ""
    return (
        label,
        measured.step,
        seconds(measured.wall),
        times,
        seconds(measured.cpu or 0.0),
        f"{measured.peak_mb:,.0f} MB",
        part(measured.server_share),
        part(measured.others_share),
        str(len(measured.wall_s)),
        measured.wrong or "",
    )


def _growth(results: Results) -> str:
    grown = growth(results)
    if not grown:
        return ""
    about = (
        "Seconds by number of projects. An exponent of 1 means linear growth from one size to the next. "
        "The last column extrapolates with the last exponent, for a machine like this one."
    )
    by_size = _grown(grown, [f"{FAR:,}"], lambda each: [_hours(each.far_s)])
    text = f"## Growth\n\n{about}\n\n{by_size}"
    if by_count := connections(results):
        text += f"\n\nSeconds by number of connections of 100 projects each.\n\n{_grown(by_count)}"
    return text


def _grown(
    grown: Sequence[Growth],
    more: Sequence[str] = (),
    cells_of: Callable[[Growth], Sequence[str]] = lambda _: (),
) -> str:
    sizes = sorted({size for each in grown for size in each.seconds})
    rows = []
    for each in grown:
        exponents = ", ".join(f"{exponent:.2f}" for exponent in each.exponents)
        cells = [seconds(each.seconds[size]) if size in each.seconds else "" for size in sizes]
        rows.append((LABELS[each.side], each.step, *cells, exponents, *cells_of(each)))
    return table(("tool", "run", *(f"{size:,}" for size in sizes), "exponents", *more), rows)


def _hours(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / 3600:,.1f} h"


def _peers() -> str:
    packages = dict.fromkeys(package for packages in PACKAGES.values() for package in packages)
    return f"Peers: {', '.join(package.replace('==', ' ') for package in sorted(packages))}."


def _machines(results: Results) -> str:
    rows = [
        (name, result.measured_at, result.commit, *result.machine.values())
        for name, result in results.items()
    ]
    return table(("case", "measured", "commit", "processors", "memory", "system", "Python", "DuckDB"), rows)


if __name__ == "__main__":
    write_pages()
    write_figures()
