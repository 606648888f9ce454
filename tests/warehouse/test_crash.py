"""Promises 2 and 19: a run killed at any point leaves the previous or the new one; one runs at a time."""

import errno
import os
import signal
import threading
from itertools import cycle
from pathlib import Path

import pytest

from pipelines.config.tables import PREVIOUS_KEPT
from tests.campaigns.crash import (
    Runs,
    befores,
    fail_at,
    kill_at,
    kill_at_random,
    kind,
    published,
    refuse_at,
    steps_of,
    tidied,
)
from tests.support.forked import Forked, Order
from tests.support.loopback import Answer, Asked, Loopback
from tests.support.steps import STEPS

KILLS = 20


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, forked: Forked) -> Runs:
    """A home after so many runs that the next one drops the oldest file."""
    runs = Runs(tmp_path_factory.mktemp("home"), loopback, forked, light=True)
    for _ in range(PREVIOUS_KEPT + 2):
        runs.plain()
    return runs


@pytest.fixture(scope="module")
def steps(runs: Runs) -> list[str]:
    return steps_of(runs)


def test_promise_03_the_steps_are_those_of_a_run(steps: list[str]) -> None:
    assert {kind(step) for step in steps} == STEPS.keys()
    begun = [step.removesuffix(" before") for step in befores(steps)]
    # The draft is on disk before it is renamed, and its new name is on disk before the run ends.
    assert begun[begun.index("verify") :] == [
        "verify",
        "permit 2",
        "sync 3",
        "link 5",
        "replace 4",
        "remove 5",
        "replace 5",
        "sync 4",
        "clear scratch",
    ]


def test_promise_02_a_run_killed_at_every_step_leaves_a_published_run(runs: Runs, steps: list[str]) -> None:
    kill_at(runs, befores(steps))


def test_promise_02_a_run_killed_at_random_leaves_a_published_run(runs: Runs) -> None:
    assert kill_at_random(runs, KILLS, plain_every=20) > 0


def test_promise_02_a_disk_failing_at_every_step_leaves_a_published_run(runs: Runs, steps: list[str]) -> None:
    fail_at(runs, befores(steps), cycle((errno.ENOSPC, errno.EIO)))


def test_promise_29_a_missing_call_at_every_step_leaves_a_published_run(runs: Runs, steps: list[str]) -> None:
    refuse_at(runs, befores(steps), cycle((errno.EPERM, errno.EINVAL, errno.ENOTSUP)))


def test_promise_02_a_run_killed_or_failing_in_the_landing_leaves_a_published_run(runs: Runs) -> None:
    runs.light = False
    kill_at(runs, ["normalize before", "load before"])
    fail_at(runs, ["extract before", "load after"], [errno.ENOSPC, errno.EIO])
    runs.light = True


def test_promise_02_a_full_disk_leaves_a_published_run(
    tmp_path: Path, loopback: Loopback, forked: Forked
) -> None:
    """Where dlt writes, and where DuckDB checkpoints."""
    (tmp_path / "home").mkdir()
    runs = Runs(tmp_path / "home", loopback, forked, light=False)
    for most_bytes in (20_000, 2_000_000):
        assert runs.run(most_bytes=most_bytes) == 1
        printed = runs.output.read_text()
        assert (runs.history, printed.count("\n")) == ((), 1), printed
        assert f"rollcall: cannot write to the disk of {runs.home} (File too large)" in printed
    runs.light = True
    runs.plain()


class Waiting:
    """A provider that answers only when the test lets it."""

    def __init__(self, runs: Runs, loopback: Loopback) -> None:
        self.asked, self.released = threading.Event(), threading.Event()
        self._loopback = loopback

    def __call__(self, _asked: Asked) -> Answer:
        self.asked.set()
        self.released.wait(60)
        return Answer([{"id": 1, "name": "late"}])


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_ends_at_once_on_a_signal(
    runs: Runs, loopback: Loopback, forked: Forked, number: signal.Signals, exit_code: int
) -> None:
    before, waiting = runs.history, Waiting(runs, loopback)
    loopback.serve("belltastic", waiting)
    order = Order(home=str(runs.home), output=str(runs.output))
    try:
        process = forked.begin(order)
        assert waiting.asked.wait(60)
        os.kill(process, number)
        assert forked.wait(process, within_s=5) == exit_code
    finally:
        waiting.released.set()
    assert runs.output.read_text().endswith("rollcall: interrupted; the published warehouse is unchanged\n")
    assert published(runs.home / "warehouse.duckdb") == before
    assert tidied(runs.home)


@pytest.mark.parametrize("step", ["copy before", "open after", "check before", "replace 2 after"])
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_promise_02_a_signal_at_a_step_leaves_the_warehouse_unchanged(
    runs: Runs, step: str, number: signal.Signals, exit_code: int
) -> None:
    assert runs.run(at=step, signal=number) == exit_code
    assert runs.output.read_text() == "rollcall: interrupted; the published warehouse is unchanged\n"
    assert tidied(runs.home)


def test_a_run_without_write_permission_changes_nothing(runs: Runs) -> None:
    before = runs.history
    runs.home.chmod(0o500)
    try:
        ended = runs.run()
    finally:
        runs.home.chmod(0o700)
    assert (ended, runs.history) == (2, before)
    assert runs.output.read_text() == (
        f"rollcall: {runs.home} is not writable. Run this as its owner, on a disk that is not read-only\n"
    )


def test_promise_19_of_four_runs_at_once_one_runs(runs: Runs, loopback: Loopback, forked: Forked) -> None:
    waiting = Waiting(runs, loopback)
    loopback.serve("belltastic", waiting)
    order = Order(home=str(runs.home), output=str(runs.output), light=True)
    try:
        for _ in range(4):
            forked.begin(order)
        assert [forked.wait() for _ in range(3)] == [5, 5, 5]
        assert published(runs.home / "warehouse.duckdb") == runs.history
    finally:
        waiting.released.set()
    assert forked.wait() == 0
    runs.history = published(runs.home / "warehouse.duckdb")
    assert runs.history[-1] == "late"


def test_promise_19_the_lock_of_a_dead_process_is_free(runs: Runs) -> None:
    lock = runs.home / ".rollcall" / "warehouse.duckdb.lock"
    assert runs.run(at="lock after") == -signal.SIGKILL
    assert lock.exists()
    runs.plain()
