"""`rollcall schedule`: daily schedules for several schedulers.

Each schedule names the home and the command by absolute paths, runs in the bare environment that schedulers
give, and keeps its files private. A schedule holds no secret.
"""

from pathlib import Path

from pipelines.commands.schedule.cron import cron, install_cron, remove_cron
from pipelines.commands.schedule.github import github
from pipelines.commands.schedule.kubernetes import kubernetes
from pipelines.commands.schedule.scheduled_run import ScheduledRun, clock_fault, zone_info
from pipelines.commands.schedule.scheduler import Schedule, Scheduler
from pipelines.commands.schedule.systemd import install_systemd, remove_systemd, systemd
from pipelines.common.errors import UsageError

__all__ = ["Schedule", "ScheduledRun", "Scheduler", "clock_fault", "install", "remove", "schedule"]


def schedule(run: ScheduledRun, scheduler: Scheduler) -> Schedule:
    """The schedule of a run. Raises UsageError if the scheduler cannot do what is asked."""
    if not str(run.home).isprintable():
        raise UsageError(f"{str(run.home)!r} cannot be used in a schedule", "give the directory another name")
    if run.zone is not None:
        zone_info(run.zone)
    return {"cron": cron, "systemd": systemd, "github": github, "kubernetes": kubernetes}[scheduler](run)


def install(made: Schedule, home: Path) -> tuple[str, ...]:
    """Install a schedule in its scheduler, replacing an earlier one of the same home.

    Returns what was done, a line each. Raises UsageError for a scheduler that is not on this machine.
    """
    match made.scheduler:
        case "cron":
            return install_cron(made, home)
        case "systemd":
            return install_systemd(made)
    raise UsageError(f"{made.scheduler} is not on this machine", "leave out --install, and save the output")


def remove(home: Path, scheduler: Scheduler) -> tuple[str, ...]:
    """Remove the schedule of a home from its scheduler. Returns what was done, a line each.

    Raises UsageError for a scheduler that is not on this machine, or that has no schedule of this home.
    """
    match scheduler:
        case "cron":
            return remove_cron(home)
        case "systemd":
            return remove_systemd(home)
    raise UsageError(f"{scheduler} is not on this machine", "remove what you have saved there")
