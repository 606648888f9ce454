"""Promises 2 and 19: whatever ends a night leaves the old one published or the new; one runs at a time."""

import errno
import os
import signal
import threading
from itertools import cycle
from pathlib import Path

import pytest

from tests.loopback import Answer, Asked, Loopback
from tests.operation.crash import (
    Nights,
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
from tests.operation.forked import Forked, Order
from tests.operation.steps import STEPS

KILLS = 20


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, forked: Forked) -> Nights:
    """After two nights."""
    nights = Nights(tmp_path_factory.mktemp("home"), loopback, forked, light=True)
    nights.plain()
    nights.plain()
    return nights


@pytest.fixture(scope="module")
def steps(nights: Nights) -> list[str]:
    return steps_of(nights)


def test_promise_03_the_steps_are_those_of_a_night(steps: list[str]) -> None:
    assert {kind(step) for step in steps} == STEPS.keys()
    begun = [step.removesuffix(" before") for step in befores(steps)]
    # What is published is on the disk before it is renamed, and its name is before the night ends.
    assert begun[begun.index("verify") :] == [
        "verify",
        "permit 2",
        "sync 3",
        "link 3",
        "replace 2",
        "remove 3",
        "replace 3",
        "sync 4",
        "clear scratch",
    ]


def test_promise_02_killed_at_every_step(nights: Nights, steps: list[str]) -> None:
    kill_at(nights, befores(steps))


def test_promise_02_killed_at_random(nights: Nights) -> None:
    assert kill_at_random(nights, KILLS, plain_every=20) > 0


def test_promise_02_a_disk_that_fails_at_every_step(nights: Nights, steps: list[str]) -> None:
    fail_at(nights, befores(steps), cycle((errno.ENOSPC, errno.EIO)))


def test_promise_29_a_file_system_that_lacks_a_call_at_every_step(nights: Nights, steps: list[str]) -> None:
    refuse_at(nights, befores(steps), cycle((errno.EPERM, errno.EINVAL, errno.ENOTSUP)))


def test_promise_02_killed_and_failing_in_the_landing(nights: Nights) -> None:
    nights.light = False
    kill_at(nights, ["normalize before", "load before"])
    fail_at(nights, ["extract before", "load after"], [errno.ENOSPC, errno.EIO])
    nights.light = True


def test_promise_02_a_disk_that_is_full(tmp_path: Path, loopback: Loopback, forked: Forked) -> None:
    """Where dlt writes, and where DuckDB checkpoints."""
    (tmp_path / "home").mkdir()
    nights = Nights(tmp_path / "home", loopback, forked, light=False)
    for most_bytes in (20_000, 2_000_000):
        assert nights.run(most_bytes=most_bytes) == 1
        said = nights.said.read_text()
        assert (nights.history, said.count("\n")) == ((), 1), said
        assert f"rollcall: the disk of {nights.home} cannot be written to (File too large)" in said
    nights.light = True
    nights.plain()


class Waiting:
    """A provider that answers only once it is let."""

    def __init__(self, nights: Nights, loopback: Loopback) -> None:
        self.asked, self.released = threading.Event(), threading.Event()
        self._loopback = loopback

    def __call__(self, _asked: Asked) -> Answer:
        self.asked.set()
        self.released.wait(60)
        return Answer([{"id": 1, "name": "late"}])


@pytest.mark.parametrize(("told", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_night_that_is_told_to_end_does_so_at_once(
    nights: Nights, loopback: Loopback, forked: Forked, told: signal.Signals, exit_code: int
) -> None:
    before, waiting = nights.history, Waiting(nights, loopback)
    loopback.serve("belltastic", waiting)
    order = Order(home=str(nights.home), said=str(nights.said))
    try:
        process = forked.begin(order)
        assert waiting.asked.wait(60)
        os.kill(process, told)
        assert forked.wait(process, within_s=5) == exit_code
    finally:
        waiting.released.set()
    assert nights.said.read_text().endswith("rollcall: interrupted; the last published night stands\n")
    assert published(nights.home / "warehouse.duckdb") == before
    assert tidied(nights.home)


@pytest.mark.parametrize("step", ["copy before", "open after", "check before", "replace 2 after"])
@pytest.mark.parametrize(("told", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_promise_02_told_to_end_at_a_step(
    nights: Nights, step: str, told: signal.Signals, exit_code: int
) -> None:
    assert nights.run(at=step, signal=told) == exit_code
    assert nights.said.read_text() == "rollcall: interrupted; the last published night stands\n"
    assert tidied(nights.home)


def test_a_directory_that_may_not_be_written_to(nights: Nights) -> None:
    before = nights.history
    nights.home.chmod(0o500)
    try:
        ended = nights.run()
    finally:
        nights.home.chmod(0o700)
    assert (ended, nights.history) == (2, before)
    assert nights.said.read_text() == (
        f"rollcall: {nights.home} may not be written to. "
        "Run this as its owner, on a disk that is not read-only\n"
    )


def test_promise_19_of_four_nights_at_once_one_runs(
    nights: Nights, loopback: Loopback, forked: Forked
) -> None:
    waiting = Waiting(nights, loopback)
    loopback.serve("belltastic", waiting)
    order = Order(home=str(nights.home), said=str(nights.said), light=True)
    try:
        for _ in range(4):
            forked.begin(order)
        assert [forked.wait() for _ in range(3)] == [5, 5, 5]
        assert published(nights.home / "warehouse.duckdb") == nights.history
    finally:
        waiting.released.set()
    assert forked.wait() == 0
    nights.history = published(nights.home / "warehouse.duckdb")
    assert nights.history[-1] == "late"


def test_promise_19_a_lock_whose_holder_is_dead_is_none(nights: Nights) -> None:
    lock = nights.home / ".rollcall" / "warehouse.duckdb.lock"
    assert nights.run(at="lock after") == -signal.SIGKILL
    assert lock.exists()
    nights.plain()
