"""The section "Figures" of `docs/scale.md`, from the results."""

from collections.abc import Iterator, Sequence

from benchmarks import ROOT
from benchmarks.engines import ENGINE_RESULTS
from benchmarks.engines.ratios import RATIOS, Ratio
from benchmarks.engines.setups import all_setups
from benchmarks.markdown import part, seconds, table
from benchmarks.results import Measured, Result, Results, load

PAGE = ROOT / "docs" / "scale.md"
BEGIN = "<!-- The figures are written by `make docs`, from benchmarks/results/engines. -->"
BUSY = 0.25  # of a processor
END = "<!-- End of the figures. -->"
LABELS = {setup.name: setup.label for setup in all_setups()}


def figures(results: Results) -> str:
    """The figures as Markdown: a table for each size, and the ratios of all sizes."""
    sized = sorted(results.values(), key=lambda result: result.facts["size"])
    return "\n\n".join([*(_size(result) for result in sized), _ratios(sized)])


def with_figures(page: str, results: Results) -> str:
    """The page with its figures replaced by those of the results."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE} lacks the line {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{figures(results)}\n\n{end}{after}"


def write_figures() -> None:
    """Write the figures into the page."""
    PAGE.write_text(with_figures(PAGE.read_text(), load(ENGINE_RESULTS)))


def _size(result: Result) -> str:
    facts = result.facts
    about = (
        f"{facts['size']:,.0f} projects in {facts['connections']:.0f} connections, of which "
        f"{facts['changed']:,.0f} change; {result.measured_at}, commit {result.commit}, "
        f"{result.machine['processors']} processors, DuckDB {result.machine['duckdb']}."
    )
    if max((measured.others_share or 0 for measured in result.measured), default=0) > BUSY:
        about += " **The machine was busy with other programs: compare CPU, not seconds.**"
    heading = (
        "",
        "run",
        "wall",
        "CPU",
        "of it workers",
        "engine",
        "PostgreSQL",
        "peak of the run",
        "largest worker",
        "providers",
        "others",
        "load",
    )
    rows = [_row(measured) for measured in result.measured]
    return f"### {facts['size']:,.0f} projects\n\n{about}\n\n{table(heading, rows)}"


def _row(measured: Measured) -> Sequence[str]:
    label = LABELS.get(measured.side, measured.side)
    if measured.fault or measured.wall is None:
        return label, measured.step, *[""] * 9, measured.fault or "not run"
    return (
        label,
        measured.step if not measured.wrong else f"{measured.step}: **{measured.wrong}**",
        seconds(measured.wall),
        seconds(measured.cpu or 0.0),
        *(_cpu(measured, name) for name in ("workers", "engine", "postgres")),
        _peak(measured, "run"),
        _peak(measured, "workers"),
        part(measured.server_share),
        part(measured.others_share),
        f"{max(measured.load, default=0.0):.1f}",
    )


def _cpu(measured: Measured, name: str) -> str:
    used = measured.part_cpu(name)
    return "" if used is None else seconds(used)


def _peak(measured: Measured, name: str) -> str:
    peak = measured.part_peak_mb(name)
    return "" if peak is None else f"{peak:,.0f} MB"


def _ratios(results: Sequence[Result]) -> str:
    rows = [list(_ratio(ratio, results)) for ratio in RATIOS]
    heading = ("", *(f"{result.facts['size']:,.0f}" for result in results), "goal at a million")
    return f"### Ratios\n\n{table(heading, rows)}"


def _ratio(ratio: Ratio, results: Sequence[Result]) -> Iterator[str]:
    yield ratio.text
    for result in results:
        found = ratio.reached(result)
        yield "" if found is None else ratio.written(found)
    yield ratio.goal
