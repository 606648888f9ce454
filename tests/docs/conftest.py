"""The demo as the pages show it, with its runs at 02:00 on the first days of November 2026."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.commands import sync as sync_module
from pipelines.commands.sync import Run, sync
from tests.home import FIRST_RUN
from tests.made_once import made_once


def _play(place: Path) -> None:
    """Play the demo in `place`, with its clock moved to `FIRST_RUN`; what it prints is left next to it."""
    began: list[datetime] = []

    def sync_at_two(home: Path, clock: Callable[[], datetime]) -> Run:
        began.append(clock())
        days = round((began[-1] - began[0]) / timedelta(days=1))
        return sync(home, clock=lambda: FIRST_RUN + timedelta(days=days))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync_module, "sync", sync_at_two)
        result = CliRunner().invoke(main, ["--home", str(place), "demo"])
    assert result.exit_code == 0, result.output
    (place / "printed.txt").write_text(result.stdout.replace(f"{place}/", ""))


@pytest.fixture(scope="session")
def demo_played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory in which the demo was played."""
    return made_once(tmp_path_factory, "demo_played", _play)


@pytest.fixture(scope="session")
def demo_by_day(demo_played: Path) -> Path:
    """The directory that the demo leaves; not to be changed."""
    return demo_played / "demo"
