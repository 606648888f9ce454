"""`rollcall schedule`: nightly schedules for several schedulers.

Each schedule names the home and the command by absolute paths, runs in the bare environment that schedulers
give, and keeps what it writes to its owner. A schedule holds no secret.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.commands.schedule_github import pinned_package, workflow
from pipelines.commands.schedule_kubernetes import default_image, manifests, own_files
from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.common.files import private_folder, replace_atomically
from pipelines.common.version import rollcall_version
from pipelines.config.files import CONFIG, SECRETS
from pipelines.config.resolve import resolve, variable
from pipelines.config.tables import COMMON, NOTIFY, TABLES, Setting
from pipelines.config.unknown import refuse_unknown
from pipelines.extract.connections import read_tables

Scheduler = Literal["cron", "systemd", "github", "kubernetes"]

OF_ROLLCALL = re.compile(rf"(SOURCES|{'|'.join(TABLES).upper()})__\w+")
LONGEST_RUN_S = 7 * 3600  # a run ends its listings after six
PATIENCE_S = 60
READABLE = 60  # characters of a path; a file's name has at most 255
DAYS_AHEAD = 366  # clocks change at least once within a year, where they do


@dataclass(frozen=True)
class Schedule:
    """A scheduler's own files by name, what is left to do by hand, and what will not be as it is here."""

    scheduler: Scheduler
    files: Mapping[str, str]
    next_steps: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Run:
    """What is to be run, and when: `zone` is None for the machine's own time."""

    home: Path
    at: time
    zone: str | None
    image: str
    package: str
    afterwards: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The verb of a run and its options."""
        return ("sync", *self.afterwards, "--quiet")


def unit_name(home: Path) -> str:
    """A name that no other home has: the readable part of its path, and a digest of all of it."""
    readable = re.sub(r"[^a-z0-9]+", "-", str(home).lower())[-READABLE:].strip("-")
    return "-".join(filter(None, ("rollcall", readable, sha256(os.fsencode(home)).hexdigest()[:8])))


def schedule(
    home: Path,
    scheduler: Scheduler,
    *,
    at: time,
    zone: str | None = None,
    image: str = "",
    package: str = "",
    afterwards: Sequence[str] = (),
) -> Schedule:
    """The schedule of a run at `at`, in the time zone `zone` or else the machine's.

    `image` is the container image that Kubernetes runs, `package` what GitHub installs, `afterwards` options
    of `sync` such as `--export`. Raises UsageError if the scheduler cannot do what is asked.
    """
    if not str(home).isprintable():
        raise UsageError(f"{str(home)!r} cannot be used in a schedule", "give the directory another name")
    if zone is not None:
        _zone(zone)
    run = _Run(home, at, zone, image, package, tuple(afterwards))
    return {"cron": _cron, "systemd": _systemd, "github": _github, "kubernetes": _kubernetes}[scheduler](run)


def install(made: Schedule, home: Path) -> tuple[str, ...]:
    """Install a schedule in its scheduler, replacing an earlier one of the same home.

    Returns what was done, a line each. Raises UsageError for a scheduler that is not on this machine.
    """
    match made.scheduler:
        case "cron":
            return _install_cron(made, home)
        case "systemd":
            return _install_systemd(made)
    raise UsageError(f"{made.scheduler} is not on this machine", "leave out --install, and save the output")


def remove(home: Path, scheduler: Scheduler) -> tuple[str, ...]:
    """Remove the schedule of a home from its scheduler. Returns what was done, a line each.

    Raises UsageError for a scheduler that is not on this machine, or that has no schedule of this home.
    """
    match scheduler:
        case "cron":
            return _remove_cron(home)
        case "systemd":
            return _remove_systemd(home)
    raise UsageError(f"{scheduler} is not on this machine", "remove what you have saved there")


def _command() -> Path:
    """The program that runs now, next to its Python: PATH may lead to another one."""
    command = Path(sys.executable).parent / "rollcall"
    if not command.exists():
        raise ConfigurationError(f"there is no {command}", "install Rollcall: pip install .")
    return command


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"there is no time zone {name}", "give one such as Europe/Berlin") from None


def _local_zone() -> str:
    from tzlocal import get_localzone_name

    return get_localzone_name() or "UTC"


def _clock_changes(run: _Run) -> tuple[str, ...]:
    """A warning if clocks will skip or repeat the time of the run, which a scheduler then does as well."""
    name = run.zone or _local_zone()
    zone, today = _zone(name), datetime.now(UTC).date()
    for day in (today + timedelta(days=number) for number in range(DAYS_AHEAD)):
        if fault := clock_fault(day, run.at, zone):
            return (f"{day} {fault} {run.at:%H:%M} in {name}; choose a time from 04:00 to 20:59",)
    return ()


def clock_fault(day: date, at: time, zone: ZoneInfo) -> str | None:
    """`has no` where clocks skip the time on that day, `repeats` where they show it twice."""
    local = datetime.combine(day, at, tzinfo=zone)
    earlier, later = local.utcoffset(), local.replace(fold=1).utcoffset()
    if earlier == later:
        return None
    skipped = local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None)
    return "has no" if skipped else "repeats"


def _only_here() -> tuple[str, ...]:
    """The variables that Rollcall reads and that a scheduler will not have."""
    given = sorted(name for name in os.environ if OF_ROLLCALL.fullmatch(name) and os.environ[name])
    if not given:
        return ()
    files = f".dlt/{SECRETS} or .dlt/{CONFIG}"
    return (f"set in this shell, but not where the schedule runs: {', '.join(given)}; write them to {files}",)


def _cron(run: _Run) -> Schedule:
    local = _local_zone()
    if run.zone not in (None, local):
        raise UsageError(f"cron uses this machine's time ({local})", "leave out --time-zone, or use systemd")
    home, program = shlex.quote(str(run.home)), shlex.quote(str(_command()))
    command = (
        f"umask 077 && cd {home} && mkdir -p logs && {{ date -u +%FT%TZ; "
        f"{program} --home {home} {' '.join(run.arguments)}; }} >> logs/cron.log 2>&1"
    )
    line = command.replace("%", r"\%")  # a bare one would end the line
    begin, end = _marks(run.home)
    text = f"{begin}\n# At {run.at:%H:%M} of this machine's time ({local}).\n"
    text += f"{run.at.minute} {run.at.hour} * * * {line}\n{end}\n"
    return Schedule("cron", {"crontab": text}, (), (*_clock_changes(run), *_only_here()))


def _marks(home: Path) -> tuple[str, str]:
    return f"# rollcall, begin: {home}", f"# rollcall, end: {home}"


def _install_cron(made: Schedule, home: Path) -> tuple[str, ...]:
    _, others = _crontab(home)
    _write_crontab(others + made.files["crontab"])
    return ("the run is in this user's crontab; see: crontab -l",)


def _remove_cron(home: Path) -> tuple[str, ...]:
    listed, others = _crontab(home)
    if listed == others:
        raise _not_scheduled(home, "crontab -l")
    _write_crontab(others)
    return ("the run is no longer in this user's crontab",)


def _crontab(home: Path) -> tuple[str, str]:
    """The crontab of this user, and the same without the run of `home`."""
    listed = _run("crontab", "-l")
    if listed.returncode and "no crontab" not in listed.stderr:
        raise ConfigurationError(f"crontab failed: {listed.stderr.strip()}", "see: crontab -l")
    begin, end = map(re.escape, _marks(home))
    text = listed.stdout
    if text and not text.endswith("\n"):
        text += "\n"
    return text, re.sub(rf"^{begin}\n.*?^{end}\n", "", text, flags=re.DOTALL | re.MULTILINE)


def _write_crontab(text: str) -> None:
    taken = _run("crontab", "-", text=text)
    if taken.returncode:
        raise ConfigurationError(f"crontab failed: {taken.stderr.strip()}", "see: crontab -l")


def _not_scheduled(home: Path, see: str) -> UsageError:
    return UsageError(f"there is no schedule of {home}", f"see: {see}")


def _systemd(run: _Run) -> Schedule:
    home, name = str(run.home), unit_name(run.home)
    # A backslash at the end of a line would join the next one to it.
    described = home.replace("%", "%%").replace("\\", "\\\\")
    service = f"""\
[Unit]
Description=Rollcall: the run of {described}

[Service]
Type=oneshot
ExecStart={_unit_word(str(_command()))} --home {_unit_word(home)} {" ".join(run.arguments)}
UMask=0077
Nice=10
NoNewPrivileges=yes
TimeoutStartSec={LONGEST_RUN_S}
"""
    zone = f" {run.zone}" if run.zone else ""
    timer = f"""\
[Unit]
Description=Rollcall: every night at {run.at:%H:%M}{zone}

[Timer]
OnCalendar=*-*-* {run.at:%H:%M}:00{zone}
Persistent=yes

[Install]
WantedBy=timers.target
"""
    return Schedule(
        "systemd",
        {f"{name}.service": service, f"{name}.timer": timer},
        (
            "loginctl enable-linger, so that it runs while this user is logged out",
            f"journalctl --user -u {name} shows what it printed",
        ),
        (*_clock_changes(run), *_only_here()),
    )


def _unit_word(text: str) -> str:
    """A word of ExecStart as systemd reads it back."""
    for character, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        text = text.replace(character, escaped)
    return f'"{text}"'


def _install_systemd(made: Schedule) -> tuple[str, ...]:
    folder = _units()
    private_folder(folder)
    for name, text in made.files.items():
        _write(folder / name, text)
    timer = next(name for name in made.files if name.endswith(".timer"))
    for arguments in (("daemon-reload",), ("enable", "--now", timer)):
        done = _run("systemctl", "--user", *arguments)
        if done.returncode:
            raise ConfigurationError(
                f"the units are in {folder}, but systemctl failed: {done.stderr.strip()}",
                f"run: systemctl --user daemon-reload && systemctl --user enable --now {timer}",
            )
    return (f"{timer} is enabled; see: systemctl --user list-timers",)


def _remove_systemd(home: Path) -> tuple[str, ...]:
    name = unit_name(home)
    timer, service = (_units() / f"{name}.{kind}" for kind in ("timer", "service"))
    if not timer.exists():
        raise _not_scheduled(home, "systemctl --user list-timers")
    # A timer that is not enabled is no failure, so only the files count.
    _run("systemctl", "--user", "disable", "--now", timer.name)
    for unit in (timer, service):
        unit.unlink(missing_ok=True)
    _run("systemctl", "--user", "daemon-reload")
    return (f"removed {timer.name} and {service.name}",)


def _units() -> Path:
    """The directory of this user's units."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "systemd" / "user"


def _write(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
        file.write(text)
    replace_atomically(Path(name), path)


def _run(program: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
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


def _variables(home: Path) -> tuple[str, ...]:
    """The variables that give every connection its secrets, and those of the notices."""
    refuse_unknown(home)
    configured = read_tables(home)
    provider_key = Setting("provider")
    names = []
    for connection in sorted(configured.tables):
        table = f"sources.{connection}"
        provider = configured.providers.get(str(resolve(table, provider_key) or connection))
        if provider is None:
            raise ConfigurationError(f"{connection} has an unknown provider", "see: rollcall doctor")
        names += [variable(table, setting) for setting in provider.settings if setting.secret]
    names += [variable("notify", setting) for setting in NOTIFY if setting.secret]
    for name in names:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise UsageError(
                f"{name} cannot be the name of a variable there", "name that connection without a dash"
            )
    return tuple(names)


def _github(run: _Run) -> Schedule:
    package = pinned_package(run.package)
    zone = run.zone or _local_zone()
    start = datetime.combine(datetime.now(UTC).date(), run.at, tzinfo=_zone(zone))
    names = _variables(run.home)
    steps = tuple(f"gh secret set {name}" for name in names if not name.startswith("NOTIFY"))
    first = "run the first run by hand: gh workflow run rollcall.yml -f first_run=true"
    return Schedule(
        "github", {"rollcall.yml": workflow(start, zone, package, names, run.afterwards)}, (*steps, first), ()
    )


def _kubernetes(run: _Run) -> Schedule:
    names = [one for one in _variables(run.home) if not one.startswith("NOTIFY")]
    zone, image = run.zone or _local_zone(), run.image or default_image()
    own = own_files(run.home, _certificates(run.home))
    build = f"docker build --build-arg VERSION={rollcall_version()} --tag {image} ."
    return Schedule(
        "kubernetes",
        {"rollcall.yaml": manifests(run.at, zone, image, LONGEST_RUN_S, own, run.afterwards)},
        (
            f"{build}, in the source of Rollcall; then push it to where your cluster finds it",
            f"write a line NAME=value into secrets.env for each of {', '.join(names)}",
            "kubectl create secret generic rollcall --from-env-file=secrets.env",
            "kubectl apply -f rollcall.yaml",
        ),
        _clock_changes(run),
    )


def _certificates(home: Path) -> list[str]:
    """The files of certificates that connections name."""
    (setting,) = (one for one in COMMON if one.name == "ca_file")
    given = (resolve(f"sources.{connection}", setting) for connection in read_tables(home).tables)
    return sorted({str(file) for file in given if file})
