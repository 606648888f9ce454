"""A run as a service and a timer of this user's systemd."""

import os
import re
from hashlib import sha256
from pathlib import Path

from pipelines.commands.schedule.render import render
from pipelines.commands.schedule.scheduled_run import (
    LONGEST_RUN_S,
    ScheduledRun,
    clock_changes,
    only_in_this_shell,
    program,
)
from pipelines.commands.schedule.scheduler import Schedule, not_scheduled, run_program
from pipelines.common.errors import ConfigurationError
from pipelines.common.files import private_folder, write_atomically

READABLE = 60  # characters of a path; a file's name has at most 255


def unit_name(home: Path) -> str:
    """A name that no other home has: the readable part of its path, and a digest of all of it."""
    readable = re.sub(r"[^a-z0-9]+", "-", str(home).lower())[-READABLE:].strip("-")
    return "-".join(filter(None, ("rollcall", readable, sha256(os.fsencode(home)).hexdigest()[:8])))


def systemd(run: ScheduledRun) -> Schedule:
    """The two units."""
    home, name = str(run.home), unit_name(run.home)
    zone = f" {run.zone}" if run.zone else ""
    service = render(
        "systemd.service",
        # A backslash at the end of a line would join the next one to it.
        description=home.replace("%", "%%").replace("\\", "\\\\"),
        program=_quoted(str(program())),
        home=_quoted(home),
        arguments=run.arguments,
        longest_run_s=LONGEST_RUN_S,
    )
    timer = render("systemd.timer", at=f"{run.at:%H:%M}{zone}", calendar=f"{run.at:%H:%M}:00{zone}")
    return Schedule(
        "systemd",
        {f"{name}.service": service, f"{name}.timer": timer},
        (
            "loginctl enable-linger, so that it runs while this user is logged out",
            f"journalctl --user -u {name} shows what it printed",
        ),
        (*clock_changes(run), *only_in_this_shell()),
    )


def install_systemd(made: Schedule) -> tuple[str, ...]:
    """Install and start the units, in place of earlier ones. Returns what was done, a line each."""
    folder = _units()
    private_folder(folder)
    for name, text in made.files.items():
        write_atomically(folder / name, text)
    timer = next(name for name in made.files if name.endswith(".timer"))
    for arguments in (("daemon-reload",), ("enable", "--now", timer)):
        done = run_program("systemctl", "--user", *arguments)
        if done.returncode:
            raise ConfigurationError(
                f"the units are in {folder}, but systemctl failed: {done.stderr.strip()}",
                f"run: systemctl --user daemon-reload && systemctl --user enable --now {timer}",
            )
    return (f"{timer} is enabled; see: systemctl --user list-timers",)


def remove_systemd(home: Path) -> tuple[str, ...]:
    """Stop and remove the units. Returns what was done, a line each. Raises UsageError if there are none."""
    name = unit_name(home)
    timer, service = (_units() / f"{name}.{kind}" for kind in ("timer", "service"))
    if not timer.exists():
        raise not_scheduled(home, "systemctl --user list-timers")
    # systemctl fails if the timer is not enabled, so only the files count.
    run_program("systemctl", "--user", "disable", "--now", timer.name)
    for unit in (timer, service):
        unit.unlink(missing_ok=True)
    run_program("systemctl", "--user", "daemon-reload")
    return (f"removed {timer.name} and {service.name}",)


def _quoted(text: str) -> str:
    """A word of ExecStart as systemd reads it back."""
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        text = text.replace(character, escaped)
    return f'"{text}"'


def _units() -> Path:
    """The directory of this user's units."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "systemd" / "user"
