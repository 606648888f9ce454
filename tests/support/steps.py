"""The steps of a run that touch files, named in one place, so that tests can observe, kill or fail them."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from pipelines.commands import sync
from pipelines.config.dlt_runtime import dlt
from pipelines.transform import build as models
from pipelines.warehouse import publish as warehouse

STEPS: dict[str, tuple[Any, str]] = {
    "lock": (fcntl, "flock"),
    "make scratch": (tempfile, "mkdtemp"),
    "clear scratch": (shutil, "rmtree"),
    "copy": (shutil, "copyfile"),
    "open": (duckdb, "connect"),
    "land": (sync, "land"),
    "merge": (sync, "merge"),
    "model": (models, "update"),
    "check": (models, "check_run"),
    "verify": (warehouse, "_verify"),
    "permit": (os, "chmod"),
    "sync": (os, "fsync"),
    "link": (os, "link"),
    "rename": (os, "rename"),
    "replace": (os, "replace"),
    "remove": (os, "unlink"),
}
"""What each is a call of."""
LANDING: dict[str, tuple[Any, str]] = {
    "extract": (dlt.Pipeline, "extract"),
    "normalize": (dlt.Pipeline, "normalize"),
    "load": (dlt.Pipeline, "load"),
}
"""The steps of `land`, where dlt takes them."""

Act = Callable[[str, str], None]
"""Told of a step and of `before` or `after`. The second call of one is `copy 2`."""


@contextlib.contextmanager
def watched(act: Act) -> Iterator[None]:
    """Call `act` at every step of the block, beginning with the lock."""
    counts: Counter[str] = Counter()
    within = 0

    def wrapped(name: str, step: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal within
            is_part = within and name not in LANDING
            if is_part or not (counts or name == "lock"):
                return step(*args, **options)
            counts[name] += 1
            numbered = f"{name} {counts[name]}" if counts[name] > 1 else name
            act(numbered, "before")
            within += 1
            try:
                done = step(*args, **options)
            finally:
                within -= 1
            act(numbered, "after")
            return done

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name, (place, attribute) in (STEPS | LANDING).items():
            patch.setattr(place, attribute, wrapped(name, getattr(place, attribute)))
        yield
