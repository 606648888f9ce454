"""A run as a workflow on GitHub.

Rollcall is not on a package index yet. If the workflow installed it by name, another package of that name
would get every secret. So it installs a commit that the user pins, with the versions and digests of uv.lock.
Its actions are pinned to commits that were reviewed: a tag can be moved to another one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.commands.schedule.render import render
from pipelines.commands.schedule.scheduled_run import ScheduledRun, local_zone, secret_variables, zone_info
from pipelines.commands.schedule.scheduler import Schedule
from pipelines.common.errors import UsageError

ARTIFACT_DAYS = 30
_PINNED = re.compile(r"git\+(?P<repository>https://[\w.~:/-]+)@(?P<commit>[0-9a-f]{40})", re.ASCII)


@dataclass(frozen=True)
class Package:
    """What is installed: a commit of a repository, by its full hash."""

    repository: str
    commit: str


def github(run: ScheduledRun) -> Schedule:
    """The workflow. Raises UsageError if the package is not a commit of a repository."""
    package = pinned_package(run.package)
    zone = run.zone or local_zone()
    start = datetime.combine(datetime.now(UTC).date(), run.at, tzinfo=zone_info(zone))
    names = secret_variables(run.home)
    steps = tuple(f"gh secret set {name}" for name in names if not name.startswith("NOTIFY"))
    return Schedule(
        "github",
        {"rollcall.yml": workflow(start, zone, package, names, run.afterwards)},
        (*steps, "run the first run by hand: gh workflow run rollcall.yml -f first_run=true"),
        (),
    )


def pinned_package(given: str) -> Package:
    """The package that `--package` names. Raises UsageError if it is not a commit of a repository."""
    remedy = "give --package git+https://HOST/OWNER/REPOSITORY@COMMIT, with all 40 digits of the commit"
    if not given:
        raise UsageError("github has to install Rollcall", remedy)
    found = _PINNED.fullmatch(given)
    if found is None:
        raise UsageError(f"{given!r} is not a commit of a repository", remedy)
    return Package(found["repository"], found["commit"])


def workflow(
    start: datetime, zone: str, package: Package, secrets: Sequence[str], afterwards: Sequence[str] = ()
) -> str:
    """The workflow that runs at the time of day of `start`, in the time zone `zone`, with these secrets."""
    utc = start.astimezone(UTC)
    return render(
        "github.yml",
        minute=utc.minute,
        hour=utc.hour,
        local=f"{start:%H:%M} in {zone} as of {start:%Y-%m-%d}",
        package=package,
        secrets=secrets,
        arguments=" ".join(("sync", *afterwards)),
        artifact_days=ARTIFACT_DAYS,
    )
