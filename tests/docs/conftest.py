"""The demo as the pages on querying and on the history show it: its three runs a day apart."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.commands import sync as sync_module
from pipelines.commands.demo import demo
from pipelines.commands.sync import Run, sync
from tests.home import FIRST_RUN


@pytest.fixture(scope="session")
def demo_by_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the demo leaves, its runs at 02:00 on the first days of November 2026."""
    runs = (FIRST_RUN + timedelta(days=day) for day in range(3))

    def sync_then(home: Path, **_clock: object) -> Run:
        now = next(runs)
        return sync(home, clock=lambda: now)

    directory = tmp_path_factory.mktemp("by-day") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync_module, "sync", sync_then)
        demo(directory, lambda _run: None)
    return directory
