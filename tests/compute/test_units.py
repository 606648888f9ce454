"""A divided run adds up and publishes the same as a run in one process. This needs no engine."""

import pickle
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.common.errors import PublicationRefused
from pipelines.compute.attempts import Task, U, attempt, opened, versions
from pipelines.compute.job import Report
from pipelines.compute.workers import Workers
from pipelines.config.compute import ComputeSettings
from pipelines.sandbox import Sandbox
from tests.lake.home import LakeHome, differences
from tests.support.home import Home

ODD = {"projectStatus": "PRJ_STATUS_ODD"}


class InThisProcess:
    """Works in this process only: one unit after the other."""

    def each(self, task: Task, units: Sequence[U], report: Report) -> Iterator[tuple[U, object]]:
        for one in units:
            yield one, opened(attempt(task, versions(), pickle.dumps(one), report))


def in_this_process(_settings: ComputeSettings) -> AbstractContextManager[Workers]:
    """Workers that need no engine."""
    return nullcontext(InThisProcess())


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=4, projects=9, files=1) as sandbox:
        yield sandbox


@pytest.fixture
def divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeHome:
    """A home whose runs are divided into units of five records, one after the other in this process."""
    monkeypatch.setattr("pipelines.commands.sync_on_workers.workers_for", in_this_process)
    (tmp_path / "lake").mkdir()
    home = LakeHome(tmp_path / "lake", str(tmp_path / "catalog.ducklake"), str(tmp_path / "data"))
    home.divide(engine="ray", unit_records=5)
    return home


def test_units_add_up_to_what_one_process_finds(sandbox: Sandbox, divided: LakeHome, tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    file = Home(tmp_path / "file")
    matter = sandbox.store("matter")
    ids = [record["originId"] for record in matter.records(0, 9)]
    for number in ids[:6]:
        matter.change(number, **ODD)
    for home in (file, divided):
        home.connect_all(sandbox)
    first, also_first = file.run("matter"), divided.run("matter")
    for number in ids[3:]:
        matter.change(number, surprise="new")
    matter.remove(ids[0])
    shown, also_shown = (home.run("matter", dry_run=True) for home in (file, divided))
    unchanged = differences(file.warehouse, divided.path)
    second, also_second = file.run("matter"), divided.run("matter")
    assert [one.name for one in second.warnings] == ["fields_never_seen_before", "statuses_without_mapping"]
    assert (also_first.warnings, also_second.warnings) == (first.warnings, second.warnings)
    assert shown.preview
    assert also_shown.preview == shown.preview
    for found in (unchanged, differences(file.warehouse, divided.path)):
        assert found == dict.fromkeys(found, 0)


def test_a_forgotten_record_stays_forgotten(sandbox: Sandbox, divided: LakeHome) -> None:
    divided.connect_all(sandbox)
    divided.run("belltastic")
    forget = ("--home", str(divided.path), "forget", "belltastic:3", "--yes")
    assert CliRunner().invoke(main, forget).exit_code == 0
    (listing,) = divided.run("belltastic").listings
    assert (listing.new, listing.unchanged, listing.removed) == (0, 9, 0)
    (row,) = divided.rows("select payload, valid_to from raw.records where content_hash = 'forgotten'")
    assert row == {"payload": {}, "valid_to": None}


def test_a_broken_promise_publishes_nothing(sandbox: Sandbox, divided: LakeHome) -> None:
    divided.connect_all(sandbox)
    divided.run("fone_dynamics")
    checks = divided.path / "sql" / "checks"
    checks.mkdir(parents=True)
    (checks / "few_projects.sql").write_text(
        "-- at most one project\nselect count(*) as n from projects having n > 1"
    )
    with pytest.raises(PublicationRefused, match=r"first few_projects, rows: 1 \(at most one project\)"):
        divided.run("fone_dynamics")
    assert len(divided.rows("from runs")) == 1
