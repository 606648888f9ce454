"""`rollcall doctor`: checks everything that a run needs, without starting one.

Takes the lock and removes the scratch directories of dead runs, as a run does, and changes nothing else.
Continues with the published file in a draft, and reads one page of each listing, with the same code as a run.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.commands.doctor.check import Check, failed
from pipelines.commands.doctor.compute import check_compute
from pipelines.commands.doctor.configuration import check_configuration, check_files
from pipelines.commands.doctor.models import check_models
from pipelines.commands.doctor.outputs import check_notices, check_outputs
from pipelines.commands.doctor.providers import check_providers
from pipelines.commands.doctor.warehouse import check_file, check_lakehouse, check_place
from pipelines.common.errors import ConfigurationError
from pipelines.common.exit_codes import ExitCode
from pipelines.config.files import CONFIG, read_toml, settings_file
from pipelines.config.settings import memory_mb, previous_kept, warehouse_access, warehouse_path
from pipelines.warehouse.store import find_store

__all__ = ["Check", "Examination", "doctor"]

_IN_THE_ORDER_OF_A_RUN = (
    ExitCode.USAGE,
    ExitCode.BUSY,
    ExitCode.INTERNAL,
    ExitCode.REFUSED,
    ExitCode.PARTIAL,
)


@dataclass(frozen=True)
class Examination:
    """All checks, in order."""

    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a run: that of the failure that the run would meet first."""
        found = {check.exit_code for check in self.checks}
        return next((code for code in _IN_THE_ORDER_OF_A_RUN if code in found), ExitCode.DONE)


def doctor(home: Path, names: Sequence[str] = (), *, send_notice: bool = False) -> Examination:
    """Check everything that a run over all connections, or those named, needs.

    `send_notice` sends a test notice to every channel. Raises UsageError if a name is not configured.
    """
    of_configuration, connections = check_configuration(home, names)
    checks = [
        *check_files(home),
        *of_configuration,
        *check_models(home),
        check_notices(home, send_notice),
        *check_outputs(home),
    ]
    try:
        store, warehouse = find_store(home), warehouse_path(home)
        for read_setting in (warehouse_access, previous_kept, memory_mb):
            read_setting(home)
    except ConfigurationError as error:
        checks.append(failed("warehouse", error))
    else:
        checks += (
            [check_lakehouse(home, store)]
            if store.shared
            else [*check_place(warehouse), check_file(home, warehouse)]
        )
    checks += check_compute(home)
    checks += _destinations(home)
    checks += check_providers(connections)
    return Examination(_without_repetitions(checks))


def _destinations(home: Path) -> Sequence[Check]:
    try:
        is_configured = bool(read_toml(settings_file(home, CONFIG)).get("publish"))
    except ConfigurationError:  # `check_configuration` has found it
        return ()
    if not is_configured and not os.environ.get("PUBLISH__AFTER_SYNC"):
        return ()
    from pipelines.commands.doctor.destinations import check_destinations  # imports the drivers' libraries

    return tuple(check_destinations(home))


def _without_repetitions(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks without those that fail by a mistake that an earlier check has found already."""
    first = {check.message: check for check in reversed(checks) if check.outcome == "failed"}
    return tuple(check for check in checks if first.get(check.message, check) is check)
