"""The result of `rollcall schedule`, and running the programs of a scheduler."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.common.errors import ConfigurationError, UsageError

Scheduler = Literal["cron", "systemd", "github", "kubernetes"]

PATIENCE_S = 60


@dataclass(frozen=True)
class Schedule:
    """A scheduler's own files by name, the steps left to do by hand, and warnings."""

    scheduler: Scheduler
    files: Mapping[str, str]
    next_steps: tuple[str, ...]
    warnings: tuple[str, ...]


def not_scheduled(home: Path, see: str) -> UsageError:
    """The error for a home without a schedule."""
    return UsageError(f"no schedule found for {home}", f"see: {see}")


def run_program(program: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a scheduler's program with `text` as its input. Raises ConfigurationError if it cannot be run."""
    found = shutil.which(program)
    if found is None:
        raise ConfigurationError(
            f"there is no {program} on this machine", "install it, or leave out --install"
        )
    try:
        return subprocess.run(  # noqa: S603 - the schedulers' own programs, without a shell
            [found, *arguments], input=text, capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{program} did not finish within {PATIENCE_S} s", "run it by hand"
        ) from None
