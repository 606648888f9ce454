"""The runs of one size: a first run of each setup in its own home, and one after 1 % of the projects changed.

The file is published to PostgreSQL after both runs.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bench import Bench, Faulty
from benchmarks.engines import CONNECTIONS
from benchmarks.engines.setups import LISTED, PUBLISHED_TO, Setup
from benchmarks.measure import Run, tree_processor_s
from benchmarks.results import Measured, Part, Result, new_result
from benchmarks.server import Ceiling, Server
from benchmarks.sides import ROLLCALL, SYNC
from tests.support.postgres import PASSWORD, Postgres

STEPS = ("first", "1 % changed")
PUBLICATIONS = ("publish first", "publish 1 %")
PUBLISH = (str(ROLLCALL), "publish", "--to", PUBLISHED_TO, "--json")
PAGE_SIZE = 100
COUNTED = """
select (select count(*) from projects) as projects, (select count(*) from projects_history) as versions
"""


@dataclass(frozen=True)
class Servers:
    """What the runs use: the providers, with `listed` projects in each connection, and PostgreSQL."""

    providers: Server
    postgres: Postgres
    listed: int

    @property
    def changed(self) -> int:
        """How many projects of all connections differ in the second run: one on each page."""
        return CONNECTIONS * -(-self.listed // PAGE_SIZE)


def label(size: int) -> str:
    """The name of a size: 100k, 1m."""
    return f"{size // 1_000_000}m" if size % 1_000_000 == 0 else f"{size // 1000}k"


def measure(bench: Bench, postgres: Postgres, setups: Sequence[Setup], size: int, repeat: int) -> Result:
    """Measure the setups at one size, in turns."""
    listed = max(1, size // CONNECTIONS)
    steps = {
        setup.name: [
            Measured(setup.name, step) for step in (*STEPS, *(() if setup.is_lake else PUBLICATIONS))
        ]
        for setup in setups
    }
    with Server(projects=dict.fromkeys(LISTED, listed)) as providers:
        servers = Servers(providers, postgres, listed)
        ceiling = _warm(bench, providers)
        for turn in range(repeat):
            for setup in setups if turn % 2 == 0 else reversed(setups):
                _measure_setup(bench, servers, setup, steps[setup.name])
    facts = {
        "size": CONNECTIONS * listed,
        "connections": CONNECTIONS,
        "changed": servers.changed,
        "requests": servers.changed,
    }
    measured = [step for each in steps.values() for step in each]
    return new_result(f"engines-{label(size)}", facts, measured, ceiling)


def _warm(bench: Bench, providers: Server) -> Ceiling:
    for provider in LISTED:
        ceiling = providers.warm(provider)
    bench.say(
        f"  a bare client gets {ceiling.requests_per_s:.0f} requests/s, {ceiling.mb_per_s:.0f} MB/s, "
        f"for {ceiling.server_cpu_ms_per_request:.2f} ms of the server's processor each"
    )
    return ceiling


def _measure_setup(bench: Bench, servers: Servers, setup: Setup, steps: Sequence[Measured]) -> None:
    """One turn of a setup. A step that fails is a fault of it and of those after it."""
    if missing := setup.missing():
        bench.say(f"  {setup.name}: {missing}")
        for step in steps:
            step.fault = missing
        return
    first, changed, *publications = steps
    try:
        with bench.home() as home:
            catalog = servers.postgres.create_database()
            url = servers.postgres.create_url()
            setup.furnish(home, servers.providers, catalog, PASSWORD, url)
            for edition, step in enumerate((first, changed)):
                servers.providers.control(edition=edition, each_page=1)
                _take(bench, servers, setup, step, SYNC, home)
                expected = (
                    servers.listed * CONNECTIONS,
                    servers.listed * CONNECTIONS + edition * servers.changed,
                )
                step.wrong = step.wrong or _wrong(bench, home, expected)
                if publications:
                    _take(bench, servers, setup, publications[edition], PUBLISH, home)
    except Faulty as fault:
        bench.say(f"  {setup.name}: {fault}")
        for step in steps:
            step.fault = step.fault or (None if step.wall_s else str(fault))


def _take(
    bench: Bench, servers: Servers, setup: Setup, measured: Measured, command: Sequence[str], home: Path
) -> None:
    """Run a command, store what each part of it took, and print that."""
    load, _, _ = os.getloadavg()
    before = servers.providers.cpu_s(), tree_processor_s(servers.postgres.process)
    done = bench.run(command, home)
    server_s = servers.providers.cpu_s() - before[0]
    parts = _parts(setup, done)
    parts["postgres"] = Part([tree_processor_s(servers.postgres.process) - before[1]], [0.0])
    whole = replace(done, cpu_s=sum(part.cpu_s[0] for part in parts.values()))
    measured.take(whole, server_s)
    measured.load.append(round(load, 2))
    for name, part in parts.items():
        kept = measured.parts.setdefault(name, Part())
        kept.cpu_s.append(round(part.cpu_s[0], 2))
        kept.peak_mb.append(round(part.peak_mb[0], 1))
    shares = ", ".join(
        f"{name} {part.cpu_s[0]:.1f} s {part.peak_mb[0]:.0f} MB" for name, part in parts.items()
    )
    bench.say(
        f"  {measured.side:<8} {measured.step:<14} {whole.wall_s:8.2f} s {whole.cpu_s:8.2f} s CPU "
        f"({shares}); "
        f"server {server_s:.1f} s, others {measured.others_cpu_s[-1]:.1f} s, load before {load:.1f}"
    )


def _parts(setup: Setup, done: Run) -> dict[str, Part]:
    """The processor time and the largest process of each part of a run."""
    parts: dict[str, Part] = {}
    for process in done.processes:
        part = parts.setdefault(setup.part(process), Part([0.0], [0.0]))
        part.cpu_s[0] += process.cpu_s
        part.peak_mb[0] = max(part.peak_mb[0], process.peak_mb)
    return parts


def _wrong(bench: Bench, home: Path, expected: tuple[int, int]) -> str | None:
    """What is wrong with the projects and versions of a warehouse; None if they are as expected."""
    done = bench.run([str(ROLLCALL), "query", COUNTED, "--format", "jsonl"], home)
    found = json.loads(done.output.splitlines()[-1])
    projects, versions = found["projects"], found["versions"]
    if (projects, versions) == expected:
        return None
    return f"holds {projects:,} projects in {versions:,} versions, not {expected[0]:,} in {expected[1]:,}"
