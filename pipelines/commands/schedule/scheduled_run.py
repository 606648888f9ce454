"""The run that a schedule starts: when, where and with which options; and warnings about it."""

import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.config.files import CONFIG, SECRETS
from pipelines.config.resolve import resolve, variable
from pipelines.config.secret_values import variables_of_destinations
from pipelines.config.settings import given_secret
from pipelines.config.tables import COMMON, NOTIFY, TABLES, WAREHOUSE, Setting
from pipelines.config.unknown import refuse_unknown
from pipelines.extract.connections import read_tables

OF_ROLLCALL = re.compile(rf"(SOURCES|{'|'.join(TABLES).upper()})__\w+")
LONGEST_RUN_S = 7 * 3600  # a run stops its listings after six hours
DAYS_AHEAD = 366  # where clocks change, they do so at least once a year


@dataclass(frozen=True)
class ScheduledRun:
    """A run of `home` every day at `at`, in the time zone `zone`; None: the machine's own.

    `image` is the container image that Kubernetes runs, `package` what GitHub installs, `afterwards` options
    of `sync` such as `--export`.
    """

    home: Path
    at: time
    zone: str | None = None
    image: str = ""
    package: str = ""
    afterwards: tuple[str, ...] = ()

    @property
    def arguments(self) -> str:
        """The verb of a run and its options, for a scheduler that mails or stores the output."""
        return " ".join(("sync", *self.afterwards, "--quiet"))


def program() -> Path:
    """The program that runs now, next to its Python: PATH may lead to another one."""
    command = Path(sys.executable).parent / "rollcall"
    if not command.exists():
        raise ConfigurationError(f"there is no {command}", "install Rollcall: pip install .")
    return command


def zone_info(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises UsageError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"unknown time zone {name}", "give one such as Europe/Berlin") from None


def local_zone() -> str:
    """The IANA name of this machine's time zone."""
    from tzlocal import get_localzone_name

    return get_localzone_name() or "UTC"


def clock_changes(run: ScheduledRun) -> tuple[str, ...]:
    """A warning if clocks will skip or repeat the time of the run, which a scheduler then does as well."""
    name = run.zone or local_zone()
    zone, today = zone_info(name), datetime.now(UTC).date()
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


def only_in_this_shell() -> tuple[str, ...]:
    """A warning about variables that Rollcall reads and that a scheduler will not have."""
    given = sorted(name for name in os.environ if OF_ROLLCALL.fullmatch(name) and os.environ[name])
    if not given:
        return ()
    files = f".dlt/{SECRETS} or .dlt/{CONFIG}"
    return (f"set in this shell, but not where the schedule runs: {', '.join(given)}; write them to {files}",)


def secret_variables(home: Path) -> tuple[str, ...]:
    """The variables that hold the secrets of every connection, of notices, and those in other tables.

    A lakehouse and destinations have secrets only if they are configured.
    """
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
    names += [
        variable("warehouse", setting)
        for setting in WAREHOUSE
        if setting.secret and is_given(home, "warehouse", setting.name)
    ]
    names += sorted(set(variables_of_destinations(home)))
    for name in names:
        if not re.fullmatch(r"\w+", name, re.ASCII):
            raise UsageError(
                f"{name} cannot be the name of a variable there", "name that connection without a dash"
            )
    return tuple(names)


def is_given(home: Path, table: str, key: str) -> bool:
    """Whether a secret is configured: itself, or as a file or a command."""
    return bool(given_secret(home, table, key))


def certificate_files(home: Path) -> tuple[str, ...]:
    """The files of certificates that connections name."""
    (setting,) = (one for one in COMMON if one.name == "ca_file")
    given = (resolve(f"sources.{connection}", setting) for connection in read_tables(home).tables)
    return tuple(sorted({str(file) for file in given if file}))
