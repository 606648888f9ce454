"""A run that starts its own workers: what it prints, what it leaves, and how it ends."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.sandbox import Fault, Sandbox
from tests.lake.home import LakeHome
from tests.support.canaries import leaks


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=2, projects=3, files=3) as sandbox:
        yield sandbox


def test_the_command_starts_workers_and_stops_them(
    sandbox: Sandbox, lake_home: LakeHome, engine: str, temporary: Path
) -> None:
    lake_home.divide(engine=engine, workers=1)
    lake_home.connect_all(sandbox, max_retries=0)
    sandbox.faults.add(Fault("matter", times=None, status=503))
    command = ("--home", str(lake_home.path), "sync", "matter", "rillsoft", "--json")
    ended = subprocess.run(
        [Path(sys.executable).with_name("rollcall"), *command],
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
    )
    sandbox.faults.clear()
    run = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert [(one["connection"], one["outcome"]) for one in run["listings"]] == [
        ("matter", "failed"),
        *[("rillsoft", "verified")] * 3,
    ]
    assert leaks(lake_home.path, ".", ended.stdout, ended.stderr) == []
    left = sorted(path.name for path in temporary.rglob("*"))
    assert left == [".rollcall", "lake-scratch.lock", f"rollcall-{os.geteuid()}"]
