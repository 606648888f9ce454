"""The peers' own environments, made where they are first needed: the project depends on none of them.

Versions are pinned. DuckDB is of one version on every side, Rollcall's, so that it is not what is compared.
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
    "target": ("target-duckdb==0.8.0", DUCKDB),  # Singer's rule: a tap and a target share no environment
}
PYTHON = ROOT / ".venv" / "bin" / "python"
INSTALL_TIMEOUT_S = 300


class NotInstalled(Exception):
    """A peer cannot be had here; the text says why."""


def python_of(name: str, scratch: Path) -> Path:
    """The interpreter of an environment, which is made if there is none with just these packages."""
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
    """The variables that every side runs with.

    What would make Python compile every import anew is taken out, and so is all that belongs to another
    environment. Nobody's usage statistics are sent.
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
