"""A killed publication leaves the previous run or the new one, and the next publication completes it."""

import multiprocessing
import os
import pkgutil
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands.publish import publish
from tests.publish.conftest import Stages
from tests.publish.places import Place, configure, held_tables, published_tables

# A process without threads, which has imported what a publication imports, is forked for each.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["pipelines.commands.publish", "pipelines.config.dlt_runtime", __name__])

DATABASES = "pipelines.destinations.databases:"
CLIENT = "dlt.destinations.impl.postgres.sql_client:Psycopg2SqlClient"
COPY = "dlt.destinations.impl.postgres.postgres:PostgresParquetCopyJob"
# Ten tables change, and `publications`. Each point with the number of the call, and whether it is published.
POINTS = (
    (f"{DATABASES}staged_rows", 1, False),  # before anything is sent
    (f"{COPY}.run", 3, False),  # staged in part
    (f"{DATABASES}merge_statements", 5, False),  # within the transaction
    (f"{DATABASES}merge_statements", 11, False),  # before its last statements
    (f"{CLIENT}.drop_tables", 2, True),  # before what was staged is dropped
)


def _publish(home: str, point: str, number: int) -> None:
    """Publish, and be killed before the call with that number of a function."""
    owner, name = re.fullmatch(r"(.*)[:.](\w+)", point).groups()  # type: ignore[union-attr]
    place: Any = pkgutil.resolve_name(owner)
    function, called = getattr(place, name), [0]

    def killing(*arguments: Any, **options: Any) -> Any:
        called[0] += 1
        if called[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    setattr(place, name, killing)
    publish(Path(home), "bi")


def kill(home: Path, point: str, number: int) -> None:
    process = FORKS.Process(target=_publish, args=(str(home), point, number))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, (point, number)


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_database_holds_one_run_or_the_next(place: Place, stages: Stages, tmp_path: Path) -> None:
    configure(tmp_path, place)
    states = [published_tables(stage, keeps_nul=place.keeps_nul) for stage in (stages.first, stages.second)]
    shutil.copyfile(stages.first, tmp_path / "warehouse.duckdb")
    publish(tmp_path, "bi")
    shutil.copyfile(stages.second, tmp_path / "warehouse.duckdb")
    for point, number, is_published in POINTS:
        kill(tmp_path, point, number)
        assert held_tables(place, states[0]) == states[is_published], (point, number)
    assert len(place.read("publications")) == 2
    assert publish(tmp_path, "bi").is_current


@pytest.mark.parametrize("place", ["delta"], indirect=True)
def test_a_lake_is_completed(place: Place, stages: Stages, tmp_path: Path) -> None:
    place.settings = place.settings.replace("tables = []", 'tables = ["projects", "project_changes", "runs"]')
    configure(tmp_path, place)
    shutil.copyfile(stages.first, tmp_path / "warehouse.duckdb")
    publish(tmp_path, "bi")
    shutil.copyfile(stages.second, tmp_path / "warehouse.duckdb")
    kill(tmp_path, "pipelines.destinations.delta:merge", 2)
    assert len(place.read("publications")) == 1
    publish(tmp_path, "bi")
    expected = published_tables(stages.second)
    names = ("projects", "project_changes", "runs")
    assert held_tables(place, names) == {name: expected[name] for name in names}
    assert len(place.read("publications")) == 2
