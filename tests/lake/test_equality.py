"""A lakehouse has the same rows as a file after the same runs."""

from pathlib import Path

import pytest

from pipelines.sandbox import RILLSOFT_CLIENT_IDS, Fault, Sandbox
from tests.lake.home import LakeHome, differences
from tests.support.home import Home

LAST_OUTCOMES = "select connection, outcome from connections order by connection"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    with Sandbox(seed=3, projects=12, files=30) as sandbox:
        yield sandbox


def changed(sandbox: Sandbox) -> None:
    """Change, add and remove records of every provider."""
    for provider, key, fields in (
        ("belltastic", "id", {"name": "Renamed"}),
        ("matter", "originId", {"projectStatus": "PRJ_STATUS_COMPLETE"}),
        ("fone_dynamics", "PropertySid", {"Name": "Renamed"}),
        ("evovoice", "id", {"transcription": "Hello"}),
    ):
        store = sandbox.store(provider)
        first, second = store.records(0, 2)
        store.change(first[key], **fields)
        store.remove(second[key])
        store.add()
    sandbox.store("rillsoft", RILLSOFT_CLIENT_IDS[0]).remove(2)


def test_runs_of_all_providers_give_equal_tables(
    sandbox: Sandbox, tmp_path: Path, lake_home: LakeHome
) -> None:
    file_home = Home(tmp_path / "file")
    file_home.path.mkdir()
    homes = (file_home, lake_home)
    for home in homes:
        home.connect_all(sandbox, max_retries=1)
        home.run()
    changed(sandbox)
    for home in homes:
        home.run()
    sandbox.store("rillsoft", RILLSOFT_CLIENT_IDS[0]).restore(2)
    for home in homes:
        sandbox.faults.add(Fault("matter", times=None, status=503))
        home.run("matter", "rillsoft")  # Matter fails, and keeps its rows
        sandbox.faults.clear()
    found = differences(file_home.warehouse, lake_home.path)
    assert found == dict.fromkeys(found, 0)
    assert [(row["connection"], row["outcome"]) for row in lake_home.rows(LAST_OUTCOMES)] == [
        ("belltastic", "verified"),
        ("evovoice", "verified"),
        ("fone_dynamics", "verified"),
        ("matter", "failed"),
        ("rillsoft", "verified"),
    ]
