"""Promises 1, 3 and 19: readers find complete runs while runs are published; damage changes no answer."""

import os
from pathlib import Path

import pytest

from pipelines.config.tables import MEMORY_MB
from pipelines.warehouse.draft import draft_path, open_draft
from pipelines.warehouse.lock import locked
from pipelines.warehouse.publish import publish
from tests.campaigns.publications import SOUND, a_warehouse, flip_bits, publish_run, publish_under_readers
from tests.support.forked import Forked

PUBLICATIONS = 20
FLIPS = 20


def test_promise_01_readers_find_whole_runs_while_runs_are_published(tmp_path: Path, forked: Forked) -> None:
    assert publish_under_readers(tmp_path / "warehouse.duckdb", forked, PUBLICATIONS) == [0, 0, 0, 0]


def test_promise_01_flipped_bits_change_no_answer(tmp_path: Path) -> None:
    counts = flip_bits(a_warehouse(tmp_path), FLIPS)
    assert counts.keys() <= SOUND
    assert counts["noticed by readers, noticed by a run"] >= FLIPS // 3


def test_promise_03_a_run_is_on_disk_before_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is complete before it is renamed, and renamed before the run counts as published."""
    warehouse = tmp_path / "warehouse.duckdb"
    publish_run(warehouse, 1)
    done: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        done.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))

    def replaced(source: Path, target: Path) -> None:
        replace(source, target)
        done.append(("rename", f"{source} {target}"))

    with locked(warehouse) as scratch:
        candidate = draft_path(warehouse, scratch)
        with open_draft(warehouse, scratch, MEMORY_MB) as draft:
            draft.db.execute("create or replace table projects as select 2 as run")
        before = candidate.read_bytes()
        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(os, "replace", replaced)
        publish(candidate, warehouse)
    assert done == [
        ("sync", str(candidate)),
        ("rename", f"{scratch / 'previous'} {tmp_path / 'warehouse.previous.duckdb'}"),
        ("rename", f"{candidate} {warehouse}"),
        ("sync", str(tmp_path)),
    ]
    assert warehouse.read_bytes() == before
