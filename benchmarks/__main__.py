"""`make bench`: run cases, keep their results, and make the page on speed from them."""

import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import RESULTS, ROOT
from benchmarks.bench import Bench, Faulty
from benchmarks.cases import CASES
from benchmarks.page import page
from benchmarks.results import load, save
from benchmarks.sides import ROLLCALL, SIDES

PAGE = ROOT / "docs" / "speed.md"


@click.command()
@click.argument("cases", nargs=-1, type=click.Choice(list(CASES)), metavar="[CASE]...")
@click.option("--repeat", type=click.IntRange(1), help="How often each side runs.  [default: the case's]")
@click.option("--size", type=click.IntRange(1), help="How many records; the results are then not kept.")
@click.option("--side", "sides", multiple=True, type=click.Choice(list(SIDES)), help="Only these sides.")
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).parent / "scratch",
    help="Where homes and the peers' environments go.  [default: benchmarks/scratch]",
)
@click.option("--list", "listing", is_flag=True, help="Only say what cases there are.")
def main(
    cases: Sequence[str],
    repeat: int | None,
    size: int | None,
    sides: Sequence[str],
    scratch: Path,
    listing: bool,
) -> None:
    """Measure every CASE, or those named."""
    if listing:
        for case in CASES.values():
            click.echo(f"{case.name:<16}{case.about}")
        return
    bench = Bench(scratch.absolute(), click.echo, repeat, size, sides)
    kept = RESULTS if size is None and not sides else scratch.absolute() / "results"
    _compile()
    wanted = [CASES[name] for name in cases or CASES]
    failed = False
    for _, group in itertools.groupby(
        sorted(wanted, key=lambda case: list(CASES).index(case.name)), lambda case: case.group
    ):
        members = list(group)
        click.echo(", ".join(case.name for case in members))
        try:
            for result in members[0].runner(bench, members):
                save(result, kept)
                failed |= any(
                    measured.fault or (measured.wrong and measured.side == "rollcall")
                    for measured in result.measured
                )
        except Faulty as fault:
            click.echo(f"  {fault}", err=True)
            failed = True
    subprocess.run([sys.executable, "-m", "benchmarks.picture", str(kept)], cwd=ROOT, check=True)
    told = page(load(kept), "../benchmarks/results/speed.svg" if kept == RESULTS else "speed.svg")
    (PAGE if kept == RESULTS else kept / "speed.md").write_text(told + "\n")
    click.echo(f"written to {kept}")
    sys.exit(failed)


def _compile() -> None:
    """Compile what Rollcall imports, as an installer does: the first run must not pay for it."""
    folders = [str(ROLLCALL.parents[1] / "lib"), str(ROOT / "pipelines")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "0", *folders], check=False)


if __name__ == "__main__":
    main()
