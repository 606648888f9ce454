"""`make bench`: runs cases, stores their results, and generates the page on speed."""

import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks import RESULTS, ROOT
from benchmarks.bench import Bench, Faulty
from benchmarks.cases import CASES, Case
from benchmarks.page import page, readme, write_pages
from benchmarks.results import load, save
from benchmarks.sides import ROLLCALL, SIDES


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
    sound = _measure(bench, [case for case in CASES.values() if not cases or case.name in cases], kept)
    subprocess.run([sys.executable, "-m", "benchmarks.picture", str(kept)], cwd=ROOT, check=True)
    if kept == RESULTS:
        write_pages()
    else:
        (kept / "speed.md").write_text(page(load(kept), "speed.svg") + "\n")
        (kept / "goals.md").write_text(readme(load(kept)) + "\n")
    click.echo(f"written to {kept}")
    sys.exit(not sound)


def _measure(bench: Bench, cases: Sequence[Case], folder: Path) -> bool:
    """Run the cases; those of a group share their runs. Returns whether Rollcall was correct in all."""
    sound = True
    for _, group in itertools.groupby(cases, lambda case: case.group):
        members = list(group)
        click.echo(", ".join(case.name for case in members))
        try:
            results = members[0].runner(bench, members)
        except Faulty as fault:
            click.echo(f"  {fault}", err=True)
            sound = False
            continue
        for result in results:
            save(result, folder)
            ours = [measured for measured in result.measured if measured.side == "rollcall"]
            sound &= not any(measured.fault or measured.wrong for measured in ours)
    return sound


def _compile() -> None:
    """Compile what Rollcall imports, as an installer does, so that the first run does not have to."""
    folders = [str(ROLLCALL.parents[1] / "lib"), str(ROOT / "pipelines")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "0", *folders], check=False)


if __name__ == "__main__":
    main()
