"""The benchmarks measure what they say, and the page on speed shows what was measured."""

import http.client
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from benchmarks import INSIDE, RESULTS, ROOT
from benchmarks.bench import Bench, Faulty, wrong
from benchmarks.caching import RememberingSandbox
from benchmarks.cases import CASES
from benchmarks.environments import NotInstalled, plain_environment
from benchmarks.goals import GOALS, Goal
from benchmarks.growth import connections, growth
from benchmarks.measure import run
from benchmarks.page import insides, page, readme
from benchmarks.results import Measured, Result, Results, load, new_result, save
from benchmarks.server import Server
from benchmarks.sides import SIDES, furnish
from pipelines.sandbox import Sandbox

CHILD = "import time; held = bytearray(80_000_000); [None for _ in range(6_000_000)]; time.sleep(0.3)"
PARENT = (
    f"import subprocess, sys; held = bytearray(80_000_000); subprocess.run([sys.executable, '-c', {CHILD!r}])"
)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Runs each case once, with the peers in this environment; peers with other packages are missing."""

    def here(name: str, _scratch: Path) -> Path:
        if name not in {"rollcall", "by_hand"}:
            raise NotInstalled("there is no such package")
        return Path(sys.executable)

    monkeypatch.setattr("benchmarks.bench.python_of", here)
    return Bench(tmp_path, lambda _line: None, repeat=1, size=150)


@pytest.mark.parametrize(
    ("side", "steps"),
    [("rollcall", ("first",)), ("limit", ("first", "unchanged")), ("by_hand", ("unchanged",))],
)
def test_each_tool_plays_its_runs_and_its_result_is_checked(
    bench: Bench, side: str, steps: tuple[str, ...]
) -> None:
    cases = [replace(CASES[f"{step}-1k"], sides=(side, "dlt")) for step in steps]
    for step, found in zip(steps, cases[0].runner(bench, cases), strict=True):
        assert (found.case, found.facts["size"], found.facts["requests"]) == (f"{step}-1k", 150, 2)
        assert found.ceiling
        assert found.ceiling.pages == 2
        measured, missing = found.measured
        assert (measured.side, measured.step) == (side, step)
        assert (measured.fault, measured.wrong) == (None, None)
        assert measured.wall
        assert measured.cpu
        assert measured.peak_mb
        assert measured.peak_mb > 20
        assert missing == Measured("dlt", step, fault="cannot be installed: there is no such package")
    assert list((bench.scratch / "homes").iterdir()) == []


def test_a_side_that_fails_or_has_wrong_projects_is_reported(bench: Bench) -> None:
    with Server(projects={"matter": 150}) as server, bench.home() as home:
        furnish(home, server)
        limit = SIDES["limit"]
        bench.run(bench.command(limit, home), home)
        assert wrong(limit, home, 150) is None
        server.control(edition=1)  # every project has a different name now
        bench.run(bench.command(limit, home), home)
        assert wrong(limit, home, 150, each=2) is None
        assert wrong(limit, home, 150) == "holds 150 records in 300 versions, not 150 in 150"
    with bench.home() as home, pytest.raises(Faulty, match="ended with 1: FileNotFoundError"):
        bench.run(bench.command(limit, home), home)


def test_a_process_is_measured_with_its_children(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", PARENT], tmp_path, plain_environment(tmp_path), 30)
    assert done.exit_code == 0
    assert 160 < done.tree_mb < 400
    assert done.largest_mb > 80  # no upper bound: the kernel counts the memory of the tests at the fork
    assert done.wall_s > 0.3
    assert done.machine_s > 0.9 * done.cpu_s - 0.05
    assert done.cpu_s > 0.05


def test_a_process_that_does_not_end_is_killed(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", "import time; time.sleep(20)"], tmp_path, {}, 0.2)
    assert done.exit_code == -9


def test_the_server_answers_as_the_sandbox_does() -> None:
    with (
        Sandbox(projects={"matter": 250}, files=0) as plain,
        RememberingSandbox(projects={"matter": 250}, files=0) as merging,
    ):
        token = plain.secrets_toml().partition('access_token = "')[2].partition('"')[0]
        bodies = [
            _get(sandbox, f"/matter/connect/v2/projects/get?{query}", token)
            for sandbox, query in (
                (plain, "locale=en&pageNumber=3&pageSize=100"),
                (merging, "locale=en&pageNumber=3&pageSize=100"),
                (merging, "pageSize=100&pageNumber=3&locale=en"),
            )
        ]
        asked = len(merging.requests)
    assert bodies[0] == bodies[1] == bodies[2]
    assert b'"numberOfElements":"250"' in bodies[0]
    assert asked == 1


def _get(sandbox: Sandbox, target: str, token: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)
    connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
    body = connection.getresponse().read()
    connection.close()
    return body


def result(case: str, walls: dict[tuple[str, str], float], **facts: float) -> Result:
    """A case in which each side and step took that many seconds."""
    measured = [
        Measured(side, step, [seconds], [seconds], [500.0], [400.0], [0.1], [0.0])
        for (side, step), seconds in walls.items()
    ]
    return new_result(case, {"size": CASES[case].size} | facts, measured, None)


def reached(results: Results, case: str) -> list[tuple[float | None, bool]]:
    def both(goal: Goal) -> tuple[float | None, bool]:
        number = goal.reached(results)
        return number, number is not None and goal.met(number)

    return [both(goal) for goal in GOALS[case]]


def test_goals_compare_medians() -> None:
    walls = {"rollcall": 10.0, "limit": 2.0, "dlt": 90.0, "dlt_parquet": 15.0}
    results = {"first-100k": result("first-100k", {(side, "first"): took for side, took in walls.items()})}
    assert reached(results, "first-100k") == [(5.0, True), (9.0, True), (1.5, False)]
    assert reached(results, "unchanged-100k") == [(None, False)] * 3


def test_a_wrong_result_never_meets_a_goal() -> None:
    found = result("first-1m", {("rollcall", "first"): 2.0, ("limit", "first"): 1.0})
    assert reached({"first-1m": found}, "first-1m") == [(2.0, True), (500.0, True)]
    found.measured[0].wrong = "holds 9 projects"
    assert reached({"first-1m": found}, "first-1m") == [(None, False), (500.0, True)]


def test_the_goals_of_many_runs_compare_late_runs_with_early_ones() -> None:
    facts = {"early_cpu_s": 1.0, "late_cpu_s": 1.2, "early_mb": 300.0, "late_mb": 310.0}
    found = result("many-runs", {("rollcall", "400 runs"): 500.0}, **facts)
    assert reached({"many-runs": found}, "many-runs") == [
        (1.2, False),
        (pytest.approx(1.033, abs=1e-3), True),
    ]


def test_the_page_opens_with_the_seconds_of_each_tool_by_size_and_latency() -> None:
    walls = {("rollcall", "first"): 2.0, ("by_hand", "first"): 7.5, ("limit", "first"): 1.0}
    results = {
        case: result(case, walls, latency_s=latency_s, requests=10, in_flight=8)
        for case, latency_s in (("first-1k-50ms", 0.05), ("first-10k-300ms", 0.3))
    }
    opening = page(results, "speed.svg").partition("### The first run\n\n")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in opening.splitlines()]
    assert [row[:4] for row in cells] == [
        ["projects", "delay per answer", "Rollcall", "requests and DuckDB by hand"],
        ["---"] * 4,
        ["1,000", "50 ms", "2.00 s (2.00 s)", "7.50 s (7.50 s)"],
        ["10,000", "300 ms", "2.00 s (2.00 s)", "7.50 s (7.50 s)"],
    ]


def test_growth_is_extrapolated_from_the_last_step() -> None:
    results = {
        f"first-{label}": result(f"first-{label}", {("rollcall", "first"): took})
        for label, took in (("1k", 1.0), ("100k", 10.0), ("1m", 100.0))
    }
    (found,) = growth(results)
    assert found.exponents == pytest.approx([0.5, 1.0])
    assert found.far_s == pytest.approx(10_000)


def test_growth_by_connections_is_of_each_run() -> None:
    walls = {
        ("rollcall", f"{count}, {run}"): took
        for count, took in ((1, 2.0), (10, 2.0), (100, 4.0))
        for run in ("first", "unchanged")
    }
    found = connections({"connections": result("connections", walls)})
    assert [(each.step, each.seconds) for each in found] == [
        (run, {1: 2.0, 10: 2.0, 100: 4.0}) for run in ("first", "unchanged")
    ]
    assert connections({}) == []


def test_results_are_stored_completely(tmp_path: Path) -> None:
    found = result("files-1m", {("rollcall", "first"): 7.0})
    save(found, tmp_path)
    assert load(tmp_path) == {"files-1m": found}


@pytest.mark.skipif(duckdb.__version__ >= "2", reason="the page names the version of the lock file")
def test_the_pages_show_what_was_measured() -> None:
    results = load(RESULTS)
    assert (ROOT / "docs" / "speed.md").read_text() == page(results, "../benchmarks/results/speed.svg") + "\n"
    goals = (ROOT / "benchmarks" / "README.md").read_text()
    assert goals == readme(results, list(insides(INSIDE))) + "\n"
    assert "### Who holds Python's global interpreter lock" in goals
