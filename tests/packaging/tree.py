"""Copies of the sources of a distribution, and builds of them."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{
        f"GIT_{who}_{what}": "test@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def copy_sources(target: Path) -> Path:
    """Copy to `target` what pyproject.toml puts into an sdist, without git. Returns `target`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    target.mkdir(parents=True)
    for name in ("pyproject.toml", *(one.removeprefix("/") for one in included)):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target / name)
    return target


def hatchling(tree: Path, *arguments: str, **variables: str) -> str:
    """The output of this environment's build backend for `tree`."""
    return run([sys.executable, "-m", "hatchling", *arguments], tree, variables)


def git(tree: Path, *arguments: str) -> str:
    """The output of a git command, without the settings of the user who runs the tests."""
    return run(["git", *arguments], tree, GIT)


def run(command: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    """The standard output of a program, which must end with 0."""
    done = subprocess.run(
        command, cwd=folder, env=os.environ | (variables or {}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout.strip()


def uv() -> str:
    """The program uv: the one that runs the tests, or that the Makefile has installed."""
    return os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".tools" / "bin" / "uv")
