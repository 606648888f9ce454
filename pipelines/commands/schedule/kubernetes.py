"""A run on Kubernetes: the manifests of a ConfigMap, a PersistentVolumeClaim and a CronJob."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipelines.commands.schedule.render import render
from pipelines.commands.schedule.scheduled_run import (
    LONGEST_RUN_S,
    ScheduledRun,
    certificate_files,
    clock_changes,
    is_given,
    local_zone,
    secret_variables,
)
from pipelines.commands.schedule.scheduler import Schedule
from pipelines.common.errors import UsageError
from pipelines.common.version import DISTRIBUTION, rollcall_version
from pipelines.config.resolve import variable
from pipelines.config.tables import NOTIFY
from pipelines.transform.model import files_in

NAME = "rollcall"
HOME = "/home/rollcall"
USER = 10001  # as in the Dockerfile
LARGEST_CONFIG_MAP = 1 << 20
_OWN = (".dlt/config.toml", "providers/*.py", "sql/*/*.sql", "*_mapping.csv")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def kubernetes(run: ScheduledRun) -> Schedule:
    """The manifests. Raises UsageError where Kubernetes could not carry the files of the home."""
    optional = {variable("notify", one): one.name for one in NOTIFY if one.secret}
    names = [
        one
        for one in secret_variables(run.home)
        if one not in optional or is_given(run.home, "notify", optional[one])
    ]
    image = run.image or default_image()
    own = own_files(run.home, certificate_files(run.home))
    build = f"docker build --build-arg VERSION={rollcall_version()} --tag {image} ."
    return Schedule(
        "kubernetes",
        {"rollcall.yaml": manifests(run, run.zone or local_zone(), image, own)},
        (
            f"{build}, in the source of Rollcall; then push it to where your cluster finds it",
            f"write a line NAME=value into secrets.env for each of {', '.join(names)}",
            "kubectl create secret generic rollcall --from-env-file=secrets.env",
            "kubectl apply -f rollcall.yaml",
        ),
        clock_changes(run),
    )


def default_image() -> str:
    """The image that the Dockerfile builds here. Only a registry of this machine can answer to its name."""
    return f"localhost/{DISTRIBUTION}:{rollcall_version().replace('+', '-')}"


def own_files(home: Path, certificates: Iterable[str]) -> dict[str, str]:
    """The text of each file that a user has written for a home, by its path in the home; without secrets.

    `certificates` are paths too. Raises UsageError if a ConfigMap cannot contain them.
    """
    paths = [path for pattern in _OWN for path in files_in(home, pattern)]
    paths += [home / name for name in certificates]
    found = dict(_named_text(home, path) for path in paths)
    for name in found:
        if not _KEY.fullmatch(_key(name)):
            raise UsageError(
                f"{name} cannot be a key of a ConfigMap", "name it with letters, digits, - and _"
            )
    if sum(len(text.encode()) for text in found.values()) > LARGEST_CONFIG_MAP:
        raise UsageError(
            f"the files of {home} are more than the 1 MiB that a ConfigMap holds",
            "build an image of your own that holds them",
        )
    return found


def _named_text(home: Path, path: Path) -> tuple[str, str]:
    """The path of a file in the home, and its text. Raises UsageError if a ConfigMap cannot contain it."""
    try:
        return str(path.relative_to(home)), path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8", "save it as UTF-8") from None
    except ValueError:
        raise UsageError(f"{path} is outside {home}", "move it into that directory") from None


def manifests(run: ScheduledRun, zone: str, image: str, own: Mapping[str, str]) -> str:
    """The manifests of a run in `zone`, in a container of `image`, with the files that `own_files` found."""
    return render(
        "kubernetes.yaml",
        name=NAME,
        home=HOME,
        user=USER,
        at=run.at,
        zone=zone,
        image=image,
        arguments=", ".join(("sync", *run.afterwards)),
        longest_run_s=LONGEST_RUN_S,
        files=[{"key": _key(path), "path": path, "scalar": _scalar(text)} for path, text in own.items()],
        mounted=sorted({Path(path).parts[0] for path in own}),
    )


def _key(name: str) -> str:
    """The key of a file: a key cannot contain a slash."""
    return name.replace("/", ".")


def _scalar(text: str) -> str:
    """`text` in YAML, exactly: as a block that people can read, or else quoted."""
    lines = text.split("\n")
    readable = all(line.replace("\t", " ").isprintable() and (line.strip() or not line) for line in lines)
    if not (readable and text.strip()) or text.endswith("\n\n"):
        quoted = json.dumps(text, ensure_ascii=False)
        return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in quoted)
    block = textwrap.indent(text, "    ").removesuffix("\n")
    return f"|2\n{block}" if text.endswith("\n") else f"|2-\n{block}"
