"""The manifests that run a run on Kubernetes: a ConfigMap, a PersistentVolumeClaim and a CronJob."""

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from pathlib import Path

from pipelines.common.errors import UsageError
from pipelines.common.version import DISTRIBUTION, rollcall_version
from pipelines.transform.model import files_in

NAME = "rollcall"
HOME = "/home/rollcall"
USER = 10001  # as in the Dockerfile
LARGEST_CONFIG_MAP = 1 << 20
_OWN = (".dlt/config.toml", "providers/*.py", "sql/*/*.sql", "*_mapping.csv")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def default_image() -> str:
    """The image that the Dockerfile builds here. Only a registry of this machine can answer to its name."""
    return f"localhost/{DISTRIBUTION}:{rollcall_version().replace('+', '-')}"


def own_files(home: Path, certificates: Iterable[str]) -> dict[str, str]:
    """The text of each file that a user has written for a home, by its path in it; no file of secrets.

    `certificates` are paths too. Raises UsageError where Kubernetes could not carry them.
    """
    paths = [path for pattern in _OWN for path in files_in(home, pattern)]
    paths += [home / name for name in certificates]
    try:
        found = {str(path.relative_to(home)): path.read_text(encoding="utf-8-sig") for path in paths}
    except ValueError:  # not in the home, or not in UTF-8
        raise UsageError(
            f"not every file of {home} is text, and below it", "move it there, and save it in UTF-8"
        ) from None
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


def manifests(
    at: time,
    zone: str,
    image: str,
    longest_run_s: int,
    own: Mapping[str, str],
    afterwards: Sequence[str] = (),
) -> str:
    """The manifests of a run at `at` in `zone`, with the files that `own_files` has found."""
    data = "\n".join(f"  {_key(name)}: {_scalar(text)}" for name, text in own.items())
    items = "\n".join(f"                - key: {_key(name)}\n                  path: {name}" for name in own)
    mounts = "\n".join(
        f"""\
                - name: own
                  mountPath: {HOME}/{name}
                  subPath: {name}
                  readOnly: true"""
        for name in sorted({Path(one).parts[0] for one in own})
    )
    return f"""\
# Your own files. The secrets are variables in the Secret {NAME}, which you make by hand.
apiVersion: v1
kind: ConfigMap
metadata:
  name: {NAME}
data:
{data}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {NAME}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 10Gi
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {NAME}
spec:
  schedule: "{at.minute} {at.hour} * * *"
  timeZone: {json.dumps(zone)}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 7
  jobTemplate:
    spec:
      backoffLimit: 0
      activeDeadlineSeconds: {longest_run_s}
      template:
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: {USER}
            runAsGroup: {USER}
            fsGroup: {USER}
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: {NAME}
              image: {json.dumps(image)}
              args: [--home, {HOME}, {", ".join(("sync", *afterwards))}]
              env:
                - name: LOGS__PATH
                  value: "-" # for kubectl logs
              envFrom:
                - secretRef:
                    name: {NAME}
              resources:
                requests:
                  cpu: 100m
                  memory: 512Mi
                limits:
                  memory: 2Gi
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: home
                  mountPath: {HOME}
{mounts}
                - name: tmp
                  mountPath: /tmp
          volumes:
            - name: home
              persistentVolumeClaim:
                claimName: {NAME}
            - name: own
              configMap:
                name: {NAME}
                items:
{textwrap.indent(items, "  ")}
            - name: tmp
              emptyDir: {{}}
"""


def _key(name: str) -> str:
    """The key of a file: a key holds no slash."""
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
