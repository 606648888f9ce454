"""The demo as the pages show it, with its runs at 02:00 on the first days of November 2026."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.commands import demo as demo_module
from pipelines.commands import sync as sync_module
from pipelines.commands.sync import Run, sync
from pipelines.sandbox import Sandbox
from tests.cli.conftest import published  # noqa: F401 - the fixture
from tests.docs.served import Served, records_of
from tests.publish.conftest import bucket  # noqa: F401 - the fixture
from tests.support.home import FIRST_RUN
from tests.support.made_once import made_once


@dataclass(frozen=True)
class PlayedDemo:
    """The directory that the demo leaves, and the records that each run was served, by listing."""

    home: Path
    served: Sequence[Served]


def _play(place: Path) -> None:
    """Play the demo in `place`, with its clock moved to `FIRST_RUN`.

    Next to it are left what it prints, and the records that each run was served.
    """
    began: list[datetime] = []
    sandboxes: list[Sandbox] = []
    served: list[Served] = []

    def make_sandbox(**size: int) -> Sandbox:
        sandboxes.append(Sandbox(**size))
        return sandboxes[-1]

    def sync_at_two(home: Path, clock: Callable[[], datetime]) -> Run:
        served.append(records_of(sandboxes[-1]))
        began.append(clock())
        days = round((began[-1] - began[0]) / timedelta(days=1))
        return sync(home, clock=lambda: FIRST_RUN + timedelta(days=days))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_module, "Sandbox", make_sandbox)
        patch.setattr(sync_module, "sync", sync_at_two)
        result = CliRunner().invoke(main, ["--home", str(place), "demo"])
    assert result.exit_code == 0, result.output
    (place / "printed.txt").write_text(result.stdout.replace(f"{place}/", ""))
    (place / "served.json").write_text(json.dumps(served))


@pytest.fixture(scope="session")
def demo_played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the demo was played."""
    return made_once(tmp_path_factory, "demo_played", _play)


@pytest.fixture(scope="session")
def played_demo(demo_played: Path) -> PlayedDemo:
    """The directory that the demo leaves, which is not to be changed, and what its runs were served."""
    return PlayedDemo(demo_played / "demo", json.loads((demo_played / "served.json").read_text()))


@pytest.fixture(scope="session")
def demo_by_day(demo_played: Path) -> Path:
    """The directory that the demo leaves; not to be changed."""
    return demo_played / "demo"
