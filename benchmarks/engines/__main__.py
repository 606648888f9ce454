"""`make bench-engines`: measures every setup at each size, stores the results, and writes the figures."""

import sys
from collections.abc import Sequence

import click

from benchmarks import ROOT
from benchmarks.bench import Bench
from benchmarks.engines import ENGINE_RESULTS
from benchmarks.engines.page import figures, write_figures
from benchmarks.engines.play import measure
from benchmarks.engines.setups import all_setups
from benchmarks.results import load, save
from tests.support.postgres import Postgres, programs

SETUPS = {setup.name: setup for setup in all_setups()}
# As a server that keeps what it has: every commit reaches the disk.
DURABLE = "-c listen_addresses=127.0.0.1 -c shared_buffers=256MB"


@click.command()
@click.argument("sizes", nargs=-1, type=click.IntRange(1000), metavar="[SIZE]...")
@click.option("--setup", "names", multiple=True, type=click.Choice(list(SETUPS)), help="Only these.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="How often.")
@click.option("--trial", is_flag=True, help="Print the figures, and keep nothing.")
def main(sizes: Sequence[int], names: Sequence[str], repeat: int, trial: bool) -> None:
    """Measure runs over as many projects as each SIZE says, 100,000 by default."""
    scratch = ROOT / "benchmarks" / "scratch"
    bench = Bench(scratch, click.echo)
    kept = scratch / "engines" if trial else ENGINE_RESULTS
    setups = [SETUPS[name] for name in names] or list(SETUPS.values())
    sound = True
    with Postgres.started(programs(), DURABLE) as postgres:
        for size in sizes or (100_000,):
            click.echo(f"{size:,} projects")
            result = measure(bench, postgres, setups, size, repeat)
            save(result, kept)
            sound &= not any(measured.wrong for measured in result.measured)
    click.echo(figures(load(kept)))
    if not trial:
        write_figures()
    sys.exit(not sound)


if __name__ == "__main__":
    main()
