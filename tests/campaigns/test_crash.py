"""Nights that are killed or fail at any step leave the last published one, and the next night as it would be.

`make campaign-crash` kills KILLS=1000 nights at random; the suite kills 20, and one at every step.
"""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import NightRunning
from pipelines.warehouse import former_of, locked
from tests.home import Home
from tests.loopback import Answer, Loopback

KILLS = int(os.environ.get("KILLS") or 20)
ERRORS = (errno.ENOSPC, errno.EIO)
# In this order a night makes sure that what it publishes is on disk.
PUBLICATION = [
    "publish",
    "_verify",
    "chmod",
    "_sync",
    "fsync",
    "link",
    "replace",
    "unlink",
    "replace",
    "_sync",
    "fsync",
]


class Nights:
    """A home whose one project has another name each night, and the process that plays its nights."""

    def __init__(self, home: Home, loopback: Loopback) -> None:
        self.home, self.names = home, ["night 0"]
        base_url = loopback.serve("bells", lambda _: Answer([{"id": 1, "name": self.names[-1]}]))
        home.connect("belltastic", base_url=base_url, api_token="user_1")
        command = [sys.executable, "-m", "tests.campaigns.doomed", str(home.path)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.play()

    def play(self, **doom: Any) -> dict[str, Any]:
        """A night with a doom, of a project renamed for it."""
        self.names.append(f"night {len(self.names)}")
        shutil.rmtree(self.home.path / "logs", ignore_errors=True)  # or old ones are pruned: other steps
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(doom) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def new_after(self, number: int, steps: list[str]) -> list[str]:
        """What is published newly where a night ends at a step: the last two only write the name to disk."""
        return [self.names[-1]] if number >= len(steps) - 2 else []

    def published(self) -> list[str]:
        """The names of the one project's versions, oldest first; the history must be sound."""
        rows = self.home.rows("select name, valid_from, valid_to from projects_history order by version")
        assert [row["valid_to"] for row in rows] == [*(row["valid_from"] for row in rows[1:]), None]
        nights = self.home.rows("select started_at from nights order by started_at")
        assert [night["started_at"] for night in nights] == [row["valid_from"] for row in rows]
        return [row["name"] for row in rows]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> Iterator[Nights]:
    found = Nights(Home(tmp_path_factory.mktemp("nights")), loopback)
    yield found
    with found.process:
        assert found.process.stdin
        found.process.stdin.close()
    assert found.process.returncode == 0


@pytest.fixture(scope="module")
def steps(nights: Nights) -> list[str]:
    """The steps of a whole night, in the order taken."""
    whole: list[str] = nights.play()["steps"]
    return whole


def scratch(nights: Nights) -> list[Path]:
    return list((nights.home.path / ".rollcall").glob("*night*"))


def test_promise_03_it_is_on_disk_before_it_is_published(steps: list[str]) -> None:
    assert steps[steps.index("publish") :] == PUBLICATION


def test_promise_02_killed_at_any_step_a_night_is_the_old_one_or_the_new(
    nights: Nights, steps: list[str]
) -> None:
    for number in range(len(steps)):
        before = nights.published()
        assert nights.play(step=number)["status"] == -signal.SIGKILL
        assert nights.published() == before + nights.new_after(number, steps)
    before = nights.published()
    assert nights.play() == {"status": 0, "steps": steps, "told": []}
    assert nights.published() == [*before, nights.names[-1]]
    assert scratch(nights) == []


@pytest.mark.parametrize("number", range(KILLS))
def test_promise_02_killed_at_random_a_night_is_the_old_one_or_the_new(nights: Nights, number: int) -> None:
    before = nights.published()
    after_s = random.Random(number).uniform(0, 0.6)
    assert nights.play(after_s=after_s, signal=signal.SIGKILL)["status"] in (0, -signal.SIGKILL)
    assert nights.published() in (before, [*before, nights.names[-1]])
    if KILLS > 20 or number % 4 == 3:  # the others leave what they left to the next that is killed
        before = nights.published()
        assert nights.play()["status"] == 0
        assert nights.published() == [*before, nights.names[-1]]
        assert scratch(nights) == []


@pytest.mark.parametrize("first", [0, 1] if KILLS > 20 else [0])
def test_a_step_that_fails_stops_the_night_in_one_line(nights: Nights, steps: list[str], first: int) -> None:
    begun = steps.index("load_connections")  # before, only the night's log is begun
    landing = range(steps.index("land") + 1, steps.index("remember"))  # dlt knows another way for some
    for number, step in enumerate(steps):
        if number < begun or number in landing:
            continue
        error = ERRORS[(number + first) % 2]
        before = nights.published()
        ended = nights.play(step=number, error=error)
        assert ended["status"] == 1, step
        (line,) = ended["told"]
        assert line.startswith("rollcall: "), step
        assert os.strerror(error) in line, step
        assert nights.published() == before + nights.new_after(number, steps), step
        assert scratch(nights) == [], step
    assert nights.play()["status"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after_s", [0.1, 0.2, 0.3])
def test_a_signal_ends_a_night_at_once(nights: Nights, number: signal.Signals, after_s: float) -> None:
    before = nights.published()
    ended = nights.play(after_s=after_s, signal=number)
    assert ended["status"] in (0, 128 + number, -number)  # -15: before the night has begun to listen
    assert nights.published() in (before, [*before, nights.names[-1]])
    if ended["status"] == 128 + number:
        assert ended["told"] == ["rollcall: interrupted; the last published night stands"]
    assert nights.play()["status"] == 0
    assert scratch(nights) == []


def test_promise_19_one_of_four_nights_at_once_runs(nights: Nights) -> None:
    before = nights.published()
    with locked(nights.home.warehouse):
        assert [nights.play()["status"] for _ in range(3)] == [NightRunning.exit_code] * 3
    assert nights.play()["status"] == 0
    assert nights.published() == [*before, nights.names[-1]]


def test_promise_03_the_night_before_stands_beside_it(nights: Nights) -> None:
    published = nights.home.warehouse.read_bytes()
    assert nights.play()["status"] == 0
    assert former_of(nights.home.warehouse).read_bytes() == published
