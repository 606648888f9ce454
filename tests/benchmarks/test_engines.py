"""The benchmark of lakehouses and engines measures what it says, and the page shows what was measured."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bench import Bench
from benchmarks.engines import CONNECTIONS, ENGINE_RESULTS
from benchmarks.engines.page import BEGIN, END, PAGE, figures, with_figures
from benchmarks.engines.play import PUBLICATIONS, STEPS, label, measure
from benchmarks.engines.ratios import RATIOS
from benchmarks.engines.setups import Setup, all_setups
from benchmarks.measure import Process, run
from benchmarks.results import Measured, Part, Result, load, new_result
from benchmarks.server import Server
from pipelines.config.compute import ENGINES
from tests.support.postgres import Postgres

SETUPS = {setup.name: setup for setup in all_setups()}
PAGES = CONNECTIONS  # one of each connection


def test_every_engine_is_measured_with_one_and_two_workers() -> None:
    assert list(SETUPS) == ["file", "lake", *(f"{engine}-{count}" for engine in ENGINES for count in (1, 2))]


def test_runs_and_publications_are_measured_and_checked(tmp_path: Path, postgres: Postgres) -> None:
    said: list[str] = []
    absent = Setup("absent-1", "absent", is_lake=True, engine="orchestrator", workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.engines.setups.packages_of", lambda name: [f"{name}-of-nobody[all]>=2"])
        found = measure(Bench(tmp_path, said.append), postgres, (SETUPS["file"], absent), CONNECTIONS * 2, 1)
    assert (found.case, found.facts) == (
        "engines-0k",
        {"size": 2 * CONNECTIONS, "connections": CONNECTIONS, "changed": PAGES, "requests": PAGES},
    )
    of_file, missing = found.measured[:4], found.measured[4:]
    assert [(one.side, one.step) for one in of_file] == [("file", step) for step in (*STEPS, *PUBLICATIONS)]
    for one in of_file:
        assert (one.fault, one.wrong) == (None, None)
        assert set(one.parts) == {"run", "postgres"}
        assert one.wall
        assert one.cpu == pytest.approx(sum(part.cpu_s[0] for part in one.parts.values()), abs=0.02)
        assert (one.part_peak_mb("run") or 0) > 50
    reason = "orchestrator-of-nobody is not installed"
    assert [one.fault for one in missing] == [reason] * len(STEPS)
    assert f"  absent-1: {reason}" in said


def test_a_project_of_each_page_has_another_name_in_the_next_edition() -> None:
    with Server(projects={"matter": 250, "fone_dynamics": 250}) as server:
        for provider in ("matter", "fone_dynamics"):
            assert server.warm(provider).pages == 3
            before = server.page(provider)
            server.control(edition=4, each_page=1)
            assert server.page(provider).count(b'"4. ') == 1
            server.control(edition=0, each_page=1)
            assert server.page(provider) == before


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("ray::_work", "workers"),
        ("ray::IDLE", "workers"),
        ("ray::_Progress", "engine"),
        ("/venv/ray/core/src/ray/raylet/raylet --node-ip-address=127.0.0.1", "engine"),
    ],
)
def test_worker_processes_of_ray_are_recognised(command: str, part: str) -> None:
    process = Process(command, 1.0, 100.0, is_root=False)
    assert SETUPS["ray-2"].part(process) == part
    assert SETUPS["ray-2"].part(replace(process, is_root=True)) == "run"
    assert SETUPS["lake"].part(process) == "run"


def test_a_process_is_measured_by_itself(tmp_path: Path) -> None:
    child = "held = bytearray(80_000_000); [None for _ in range(6_000_000)]; import time; time.sleep(0.5)"
    command = [
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])",
    ]
    root, other = sorted(run(command, tmp_path, {}, 30).processes, key=lambda one: not one.is_root)
    assert (root.is_root, other.is_root) == (True, False)
    assert child in other.command
    assert root.peak_mb < 80 < other.peak_mb
    assert other.cpu_s > 0.03


def walls(**seconds: float) -> Result:
    """Runs of the file, of a lakehouse and of Ray that took that many seconds: `file_first=1.0`."""
    steps = {"first": "first", "changed": "1 % changed"} | dict(
        zip(("published", "again"), PUBLICATIONS, strict=True)
    )
    measured = [
        Measured(
            name.replace("_", "-").rpartition("-")[0],
            steps[name.rpartition("_")[2]],
            [took], [took], [500.0], [400.0], [0.1], [0.0],
            parts={"workers": Part([1.0], [612.0])} if name.startswith("ray") else {},
            load=[0.5],
        )
        for name, took in seconds.items()
    ]  # fmt: skip
    return new_result("engines-1m", {"size": 1_000_000, "connections": 30, "changed": 10_000}, measured, None)


def test_ratios_compare_walls() -> None:
    found = walls(
        file_first=10, file_changed=4, lake_first=15, lake_changed=8, ray_1_first=22, ray_2_first=11,
        file_published=20, file_again=3,
    )  # fmt: skip
    reached = {ratio.text: ratio.reached(found) for ratio in RATIOS if ratio.reached(found) is not None}
    assert reached == {
        "a lakehouse / the file: first": 1.5,
        "a lakehouse / the file: 1 % changed": 2.0,
        "Ray, two workers / the file: first": 1.1,
        "Ray, one worker / two: first": 2.0,
        "Ray: the largest worker": 612.0,
        "publication of 1 % / first publication": 0.15,
    }
    found.measured[0].wrong = "holds 9 projects"
    assert RATIOS[0].reached(found) is None


def test_the_figures_show_each_size_and_what_is_missing() -> None:
    found = walls(file_first=10, ray_2_first=11)
    assert "The machine was busy" not in figures({"engines-1m": found})
    found.measured[0].others_cpu_s = [4.0]
    assert "The machine was busy" in figures({"engines-1m": found})
    found.measured.append(Measured("spark-2", "first", fault="pyspark is not installed"))
    shown = figures({"engines-1m": found})
    assert "### 1,000,000 projects" in shown
    assert (
        "| Ray, workers: 2 | first | 11.00 s | 11.00 s | 1.00 s |  |  |  | 612 MB | 1% | 0% | 0.5 |" in shown
    )
    assert "pyspark is not installed" in shown
    assert "| Ray, two workers / the file: first | 1.10 | at most 1.15 |" in shown
    page = with_figures(f"before\n{BEGIN}\nold\n{END}\nafter\n", {"engines-1m": found})
    assert page == f"before\n{BEGIN}\n\n{shown}\n\n{END}\nafter\n"


def test_the_page_shows_the_stored_results() -> None:
    results = load(ENGINE_RESULTS)
    assert results
    assert PAGE.read_text() == with_figures(PAGE.read_text(), results)


def test_sizes_have_names() -> None:
    assert [label(size) for size in (100_000, 1_000_000, 3_000_000)] == ["100k", "1m", "3m"]
