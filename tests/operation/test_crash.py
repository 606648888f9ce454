"""Promises 2 and 19: whatever ends a night leaves the old one published or the new; one runs at a time."""

import errno
import os
import re
import shutil
import signal
import tempfile
import threading
from itertools import cycle
from pathlib import Path

import pytest

from tests.loopback import Answer, Asked, Loopback
from tests.operation.crash import Nights, kill_at_random, published
from tests.operation.forked import Forked, Order
from tests.operation.steps import STEPS

KILLS = 20

pytestmark = pytest.mark.xdist_group("operation")  # they share the process that is forked


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback, forked: Forked) -> Nights:
    """After two nights."""
    nights = Nights(tmp_path_factory.mktemp("home"), loopback, forked, light=True)
    nights.plain()
    nights.plain()
    return nights


@pytest.fixture(scope="module")
def steps(nights: Nights) -> list[str]:
    """The steps of a night, in order, each with `before` or `after`."""
    path = nights.home.with_suffix(".steps")
    assert nights.run(steps=str(path)) == 0
    return path.read_text().splitlines()


def test_the_steps_are_those_of_a_night(steps: list[str]) -> None:
    assert {kind(step) for step in steps} == STEPS.keys()
    begun = [step.removesuffix(" before") for step in befores(steps)]
    # What is published is on the disk before it is renamed, and its name is before the night ends.
    assert begun[begun.index("verify") :] == [
        "verify",
        "permit 2",
        "sync",
        "link",
        "replace",
        "remove",
        "replace 2",
        "sync 2",
        "clear scratch",
    ]


def kind(step: str) -> str:
    """What `replace 2 before` is one of."""
    return re.sub(r"( \d+)? (before|after)", "", step)


def befores(steps: list[str]) -> list[str]:
    """Before one step is after the one that went before."""
    return [step for step in steps if step.endswith(" before")]


def test_promise_02_killed_at_every_step(nights: Nights, steps: list[str]) -> None:
    for step in befores(steps):
        ended = nights.run(at=step)
        assert ended == -signal.SIGKILL, (step, ended, nights.said.read_text())
    nights.plain()


def test_promise_02_killed_at_random(nights: Nights) -> None:
    assert kill_at_random(nights, KILLS, plain_every=20) > 0


def test_promise_02_a_disk_that_fails_at_every_step(nights: Nights, steps: list[str]) -> None:
    """It is told in one line, and the next night finds nothing in its way."""
    errors = cycle((errno.ENOSPC, errno.EIO, errno.EROFS))
    own = [step for step in befores(steps) if STEPS[kind(step)][0] in {os, shutil, tempfile}]
    for step, error in zip(own, errors, strict=False):
        ended = nights.run(at=step, error=error)
        said = nights.said.read_text()
        if step == "permit before":  # of the night's log, without which it goes on
            assert (ended, said.count("the night goes on")) == (0, 1), said
        else:
            told = f"rollcall: the disk of {nights.home} cannot be written to ({os.strerror(error)})"
            assert (ended, said.count("\n")) == (1, 1), (step, ended, said)
            assert said.startswith(told), (step, said)
    nights.plain()


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
        process = forked.night(order)
        assert waiting.asked.wait(60)
        os.kill(process, told)
        assert forked.wait(process, within_s=5) == exit_code
    finally:
        waiting.released.set()
    assert nights.said.read_text().endswith("rollcall: interrupted; the last published night stands\n")
    assert published(nights.home / "warehouse.duckdb") == before
    assert [path.name for path in (nights.home / ".rollcall").iterdir()] == ["warehouse.duckdb.lock"]


def test_promise_19_of_four_nights_at_once_one_runs(
    nights: Nights, loopback: Loopback, forked: Forked
) -> None:
    waiting = Waiting(nights, loopback)
    loopback.serve("belltastic", waiting)
    order = Order(home=str(nights.home), said=str(nights.said), light=True)
    try:
        for _ in range(4):
            forked.night(order)
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
