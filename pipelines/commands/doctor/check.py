"""One check of `rollcall doctor`: its outcome and its remedies."""

from dataclasses import dataclass
from typing import Literal

from pipelines.common.errors import SyncError
from pipelines.common.exit_codes import ExitCode

Outcome = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Check:
    """One check: its outcome, the remedies if it failed, and the exit code of a run that meets it."""

    name: str
    outcome: Outcome
    message: str
    remedies: tuple[str, ...] = ()
    exit_code: ExitCode = ExitCode.DONE


def failed(name: str, error: SyncError, *remedies: str) -> Check:
    """A check that failed with `error`; `remedies` add to its own."""
    remedies = tuple(filter(None, (error.remedy, *remedies)))
    return Check(name, "failed", error.reason, remedies, ExitCode(error.exit_code))


def broken(name: str, message: str, *remedies: str, exit_code: ExitCode = ExitCode.USAGE) -> Check:
    """A check that failed, with what to do about it."""
    return Check(name, "failed", message, remedies, exit_code)
