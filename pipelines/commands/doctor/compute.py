"""Checks of the engine that divides runs among workers. None of them starts it."""

from collections.abc import Iterator
from pathlib import Path

from pipelines.commands.doctor.check import Check, failed
from pipelines.common.errors import ConfigurationError
from pipelines.common.text import counted
from pipelines.compute.workers import workers_for
from pipelines.config.compute import compute_settings


def check_compute(home: Path) -> Iterator[Check]:
    """Check that `[compute]` is complete, and that this machine has what its engine needs."""
    try:
        compute = compute_settings(home)
        if compute is None:
            return
        workers_for(compute)
    except ConfigurationError as error:
        yield failed("compute", error)
        return
    place = f"uses {compute.address}" if compute.address else f"starts {counted(compute.workers, 'worker')}"
    yield Check("compute", "ok", f"{compute.engine} is installed; a run {place}")
