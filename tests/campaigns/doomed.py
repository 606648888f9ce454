"""Nights that do not come to their end: each in a process forked from one that has everything imported.

`python -m tests.campaigns.doomed HOME` reads a doom per line from standard input, plays a night with it, and
answers with a line: how the night's process ended, and the steps that it took. A doom is a JSON object:
`{}` lets the night live; `{"step": 3, "error": 28}` lets its fourth step fail with that errno, and without
an error kills it there; `{"after_s": 0.1, "signal": 9}` sends a signal after that time.
"""

import importlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines import models, quiet_dlt, remember, sync, warehouse
from pipelines.cli import main as rollcall
from pipelines.relations import read_relations

# The names under which a night's steps are called, in whatever order it takes them.
STEPS: tuple[tuple[object, str], ...] = (
    (sync, "load_connections"),
    (sync, "draft"),
    (sync, "connect"),
    (sync, "next_start"),
    (sync, "land"),
    (sync, "remember"),
    (models, "update"),
    (models, "check"),
    (sync, "publish"),
    (remember, "_refuse_losses"),
    (warehouse.tempfile, "mkdtemp"),
    (shutil, "copyfile"),
    (warehouse, "_verify"),
    (warehouse, "_sync"),
    (os, "fsync"),
    (os, "link"),
    (Path, "replace"),
    (Path, "chmod"),
    (Path, "unlink"),
)


def play(home: Path, doom: dict[str, Any]) -> int:
    """A night in this process, with a doom; its exit code."""
    taken = 0

    def wrapped(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            nonlocal taken
            number, taken = taken, taken + 1
            tell(f"step {name}")
            if number == doom.get("step"):
                if "error" not in doom:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise OSError(doom["error"], os.strerror(doom["error"]))
            return step(*args, **options)

        return run

    for owner, name in STEPS:
        setattr(owner, name, wrapped(name, getattr(owner, name)))
    try:
        rollcall(["--home", str(home), "sync", "--quiet"])
    except SystemExit as ending:
        return int(ending.code or 0)
    finally:
        sys.stderr.flush()
    return 0


def tell(line: str) -> None:
    """Write a line to standard output at once."""
    os.write(1, f"{line}\n".encode())


def main(home: Path) -> None:
    """Play the nights asked for."""
    # What every night imports and parses is in memory before the first is forked off.
    assert quiet_dlt.dlt.Pipeline
    read_relations(home)
    for module in (
        "pipelines.watch",
        "dlt.destinations.impl.duckdb.factory",
        "dlt.load.load",
        "pyarrow.parquet",
    ):
        importlib.import_module(module)
    for line in sys.stdin:
        doom = json.loads(line)
        reader, writer = os.pipe()
        if not (child := os.fork()):
            os.close(reader)
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            os._exit(play(home, doom))
        os.close(writer)
        if "signal" in doom:
            time.sleep(doom["after_s"])
            os.kill(child, doom["signal"])
        with os.fdopen(reader) as said:
            lines = said.read().splitlines()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        steps = [line.removeprefix("step ") for line in lines if line.startswith("step ")]
        told = [line for line in lines if not line.startswith("step ")]
        tell(json.dumps({"status": status, "steps": steps, "told": told}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
