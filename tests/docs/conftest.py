"""The demo as the pages of documentation show it: its three runs a day apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.commands import demo as demo_module
from pipelines.commands import sync as sync_module
from pipelines.commands.demo import demo
from pipelines.commands.sync import Run, sync
from pipelines.sandbox import RILLSOFT_CLIENT_IDS, Record, Sandbox
from tests.home import FIRST_RUN

Served = Mapping[str, Sequence[Record]]


@dataclass(frozen=True)
class PlayedDemo:
    """The directory that the demo leaves, and the records that each run was served, by listing."""

    home: Path
    served: Sequence[Served]


@pytest.fixture(scope="session")
def played_demo(tmp_path_factory: pytest.TempPathFactory) -> PlayedDemo:
    """The demo, its runs at 02:00 on the first days of November 2026."""
    runs = (FIRST_RUN + timedelta(days=day) for day in range(3))
    sandboxes: list[Sandbox] = []
    served: list[Served] = []

    def make_sandbox(**size: int) -> Sandbox:
        sandboxes.append(Sandbox(**size))
        return sandboxes[-1]

    def sync_then(home: Path, **_clock: object) -> Run:
        served.append(records_of(sandboxes[-1]))
        now = next(runs)
        return sync(home, clock=lambda: now)

    directory = tmp_path_factory.mktemp("by-day") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_module, "Sandbox", make_sandbox)
        patch.setattr(sync_module, "sync", sync_then)
        demo(directory, lambda _run: None)
    return PlayedDemo(directory, served)


@pytest.fixture(scope="session")
def demo_by_day(played_demo: PlayedDemo) -> Path:
    """The directory that the demo leaves."""
    return played_demo.home


def records_of(sandbox: Sandbox) -> Served:
    """What the sandbox lists now: by provider, and for Rillsoft by `rillsoft:CLIENT`."""
    providers = ("belltastic", "evovoice", "fone_dynamics", "matter")
    listed = {name: sandbox.store(name).records() for name in providers}
    return listed | {
        f"rillsoft:{client}": sandbox.store("rillsoft", client).records() for client in RILLSOFT_CLIENT_IDS
    }
