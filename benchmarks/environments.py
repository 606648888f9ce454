"""The environments of the peers, created when they are first needed. The project does not depend on any peer.

Versions are pinned. Every side uses the same version of DuckDB, so that versions of DuckDB are not compared.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import ROOT

DUCKDB = f"duckdb=={version('duckdb')}"
PACKAGES: Mapping[str, Sequence[str]] = {
    "by_hand": ("requests==2.34.2", DUCKDB),
    "dlt": ("dlt==1.31.0", DUCKDB, f"pyarrow=={version('pyarrow')}", "sqlglot==30.21.0"),
    "tap": ("singer-sdk==0.54.9",),
    "target": (
        "target-duckdb==0.8.0",
        DUCKDB,
    ),  # Singer recommends separate environments for a tap and a target
}
PYTHON = ROOT / ".venv" / "bin" / "python"
INSTALL_TIMEOUT_S = 300


class NotInstalled(Exception):
    """A peer cannot be installed here. The text says why."""


def python_of(name: str, scratch: Path) -> Path:
    """The interpreter of an environment with exactly these packages, which is created if it is missing."""
    if name == "rollcall":
        return PYTHON
    folder = scratch / "environments" / name
    python, finished = folder / "bin" / "python", folder / "packages.txt"
    packages = PACKAGES[name]
    if finished.exists() and finished.read_text().split() == list(packages):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--python", str(PYTHON), str(folder))
    _uv("pip", "install", "--compile-bytecode", "--python", str(python), *packages)
    finished.write_text("\n".join(packages))
    return python


def plain_environment(scratch: Path) -> dict[str, str]:
    """The environment variables of every side.

    Variables that would make Python compile imports again, and those of other environments, are removed.
    No usage statistics are sent.
    """
    others = ("PYTHON", "VIRTUAL_ENV", "UV_", "SOURCES__", "ROLLCALL", "DLT_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(others)}
    home = scratch / "user"
    home.mkdir(parents=True, exist_ok=True)
    return kept | {"HOME": str(home), "TMPDIR": str(home), "RUNTIME__DLTHUB_TELEMETRY": "false"}


def _uv(*arguments: str) -> None:
    uv = shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
    try:
        subprocess.run(
            [uv, "--quiet", *arguments], check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        raise NotInstalled(error.stderr.strip().splitlines()[-1]) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from None
