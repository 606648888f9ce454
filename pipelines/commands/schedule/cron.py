"""A run in the crontab of this user. Comments mark where its lines begin and end."""

import re
import shlex
from pathlib import Path

from pipelines.commands.schedule.render import render
from pipelines.commands.schedule.scheduled_run import (
    ScheduledRun,
    clock_changes,
    local_zone,
    only_in_this_shell,
    program,
)
from pipelines.commands.schedule.scheduler import Schedule, not_scheduled, run_program
from pipelines.common.errors import ConfigurationError, UsageError


def cron(run: ScheduledRun) -> Schedule:
    """The lines of the crontab. Raises UsageError for another time zone than the machine's."""
    local = local_zone()
    if run.zone not in (None, local):
        raise UsageError(f"cron uses this machine's time ({local})", "leave out --time-zone, or use systemd")
    home, command = shlex.quote(str(run.home)), shlex.quote(str(program()))
    line = (
        f"umask 077 && cd {home} && mkdir -p logs && {{ date -u +%FT%TZ; "
        f"{command} --home {home} {run.arguments}; }} >> logs/cron.log 2>&1"
    )
    begin, end = _marks(run.home)
    crontab = render(
        "crontab",
        begin=begin,
        end=end,
        at=f"{run.at:%H:%M}",
        minute=run.at.minute,
        hour=run.at.hour,
        zone=local,
        command=line.replace("%", r"\%"),  # a bare one would end the line
    )
    return Schedule("cron", {"crontab": crontab}, (), (*clock_changes(run), *only_in_this_shell()))


def install_cron(made: Schedule, home: Path) -> tuple[str, ...]:
    """Install the lines, in place of earlier ones of the same home. Returns what was done, a line each."""
    _, others = _crontab(home)
    _write_crontab(others + made.files["crontab"])
    return ("the run is in this user's crontab; see: crontab -l",)


def remove_cron(home: Path) -> tuple[str, ...]:
    """Remove the lines. Returns what was done, a line each. Raises UsageError if there are none."""
    listed, others = _crontab(home)
    if listed == others:
        raise not_scheduled(home, "crontab -l")
    _write_crontab(others)
    return ("the run is no longer in this user's crontab",)


def _marks(home: Path) -> tuple[str, str]:
    return f"# rollcall, begin: {home}", f"# rollcall, end: {home}"


def _crontab(home: Path) -> tuple[str, str]:
    """The crontab of this user, and the same without the run of `home`."""
    listed = run_program("crontab", "-l")
    if listed.returncode and "no crontab" not in listed.stderr:
        raise ConfigurationError(f"crontab failed: {listed.stderr.strip()}", "see: crontab -l")
    begin, end = map(re.escape, _marks(home))
    text = listed.stdout
    if text and not text.endswith("\n"):
        text += "\n"
    return text, re.sub(rf"^{begin}\n.*?^{end}\n", "", text, flags=re.DOTALL | re.MULTILINE)


def _write_crontab(text: str) -> None:
    written = run_program("crontab", "-", text=text)
    if written.returncode:
        raise ConfigurationError(f"crontab failed: {written.stderr.strip()}", "see: crontab -l")
