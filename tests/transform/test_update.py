"""An update gives the same tables as a full build, and computes only what has changed."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from pipelines.transform import build as models
from pipelines.transform import incremental as affected
from pipelines.transform.graph import read_relations
from pipelines.transform.model import read_models
from pipelines.warehouse.draft import Draft
from tests.transform.raw import run

ENTITIES = {"evovoice": "files", "matter": "projects", "rillsoft": "projects"}
NAMES = ["Great Tom", "Big Ben", "Cafe\u0301", "Caf\u00e9"]
CURRENT = "connection = $1 and record_id = $2 and valid_to is null"


class Runs:
    """A warehouse to which the test adds runs, as the merge would."""

    def __init__(self, home: Path, file: Path = Path(":memory:"), count: int = 0) -> None:
        """Open `file`, which has that many runs."""
        self.home, self.count = home, count
        draft = Draft(file, 300)
        draft.attach()
        self.db = draft.db
        if count:
            return
        for provider in ENTITIES:
            self.db.execute("insert into raw.connections values ($1, $1, 'UTC', true)", [provider])

    def begin(self) -> None:
        """Add a run that receives every record again."""
        self.count += 1
        now = run(self.count)
        self.db.execute("insert into raw.runs values ($1, $1, 'complete', '0.1.0', '-')", [now])
        self.db.execute("update raw.records set last_seen_at = $1 where valid_to is null", [now])

    def end_version(self, provider: str, record_id: str, reason: str) -> None:
        """Change or remove the record."""
        self.db.execute(
            f"update raw.records set valid_to = $3, end_reason = $4 where {CURRENT}",
            [provider, record_id, run(self.count), reason],
        )

    def refresh(self, provider: str, record_id: str, payload: dict[str, Any]) -> None:
        """Change the text of the record, but not its content."""
        self.db.execute(
            f"update raw.records set payload = $3, refreshed_at = $4 where {CURRENT}",
            [provider, record_id, json.dumps(payload), run(self.count)],
        )

    def begin_version(self, provider: str, record_id: str, payload: dict[str, Any]) -> None:
        """Create, change or return the record."""
        scope = "7" if provider == "rillsoft" else None
        now = run(self.count)
        self.db.execute(
            "insert into raw.records "
            "values ($1, $1, $2, $3, $4, $5, 'hash', null, null, $6, null, null, $6, null)",
            [provider, scope, ENTITIES[provider], record_id, json.dumps(payload), now],
        )

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every published table."""
        marts = read_models("marts", self.home)
        return {mart: self.db.execute(f"from {mart} order by all").fetchall() for mart in marts}

    def built_from_nothing(self) -> dict[str, list[tuple[Any, ...]]]:
        """The same rows, after a build in another warehouse that has only the facts."""
        other = Runs(self.home)
        for table in ("runs", "records"):
            other.db.register("rows", self.db.sql(f"from raw.{table}").to_arrow_table())
            other.db.execute(f"insert into raw.{table} from rows")
        models.build(other.db, self.home)
        with other.db:
            return other.content()


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affected, "FEW_VERSIONS", 0)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """A warehouse without runs."""
    found = Runs(tmp_path)
    yield found
    found.db.close()


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of one run: 20 projects, r0 to r19, and 20 files of four customers in turn, with one name."""
    home = tmp_path_factory.mktemp("first_build")
    runs = Runs(home, home / "built.duckdb")
    runs.begin()
    for number in range(20):
        runs.begin_version("matter", f"r{number}", {"name": "Great Tom"})
        fields = {"id": "-", "customerId": f"c{number % 4}", "customerName": "Great Tom"}
        runs.begin_version("evovoice", f"r{number}", fields)
    models.update(runs.db, home)
    runs.db.close()
    return home / "built.duckdb"


@pytest.fixture
def built(first_build: Path, tmp_path: Path) -> Iterator[Runs]:
    """The warehouse of `first_build`, with a mark in each row that shows which rows are not rebuilt."""
    shutil.copyfile(first_build, tmp_path / "built.duckdb")
    found = Runs(tmp_path, tmp_path / "built.duckdb", 1)
    for table, column in MARKED.items():
        found.db.execute(f"update {table} set {column} = 'as it was built'")
    yield found
    found.db.close()


MARKED = {"projects_history": "name", "files_history": "type"}


def names(runs: Runs, provider: str) -> list[tuple[str, int]]:
    """The names in the history, and how many versions have each."""
    query = "select name, count(*) from projects_history where provider = $1 group by all order by all"
    return runs.db.execute(query, [provider]).fetchall()


def fields(provider: str, chance: random.Random) -> dict[str, Any]:
    """A record with few possible values, so that earlier ones return."""
    name = chance.choice(NAMES)
    if provider == "matter":
        return {"name": name, "projectStatus": chance.choice(["PRJ_STATUS_COMPLETE", "unheard of"])}
    if provider == "rillsoft":
        return {"name": name, "isReadOnly": chance.choice([True, False])}
    return {
        "id": "-",
        "accountId": chance.choice(["a1", "a2"]),
        "customerId": chance.choice(["c1", *NAMES, ""]),
        "customerName": name,
        "dateCreated": f"2026-10-0{chance.randint(1, 9)}T00:00:00Z",
        "uri": str(chance.random()),
    }


def play(runs: Runs, chance: random.Random, share: float) -> None:
    """A run in which about that share of 60 records is created, changed, refreshed or removed."""
    runs.begin()
    held = dict(
        runs.db.execute(
            "select (connection, record_id), 1 from raw.records where valid_to is null"
        ).fetchall()
    )
    for provider in ENTITIES:
        for number in range(20):
            record_id = f"r{number}"
            if chance.random() > share:
                continue
            if (provider, record_id) not in held:
                runs.begin_version(provider, record_id, fields(provider, chance))
                continue
            match chance.choice(["refresh", "change", "remove"]):
                case "refresh":
                    runs.refresh(provider, record_id, fields(provider, chance))
                case "change":
                    runs.end_version(provider, record_id, "changed")
                    runs.begin_version(provider, record_id, fields(provider, chance))
                case "remove":
                    runs.end_version(provider, record_id, "removed")


@pytest.mark.parametrize("seed", range(int(os.environ.get("UPDATES") or 1)))
def test_an_update_gives_what_a_build_gives(runs: Runs, seed: int) -> None:
    chance = random.Random(seed)
    play(runs, chance, 1.0)
    models.update(runs.db, runs.home)
    for share, is_compared in ((0.02, True), (0.0, False), (0.1, "UPDATES" in os.environ), (0.5, True)):
        play(runs, chance, share)
        models.update(runs.db, runs.home)
        assert not is_compared or runs.content() == runs.built_from_nothing()


def test_an_update_after_a_preparation_gives_what_a_build_gives(runs: Runs) -> None:
    models.prepare(runs.db, runs.home)
    runs.db.execute("create view staging.made_beforehand as select 1")
    runs.begin()
    runs.begin_version("matter", "1", {"name": "Big Ben", "projectStatus": "PRJ_STATUS_COMPLETE"})
    models.update(runs.db, runs.home, is_prepared=True)
    assert runs.content() == runs.built_from_nothing()
    runs.db.execute("drop view staging.made_beforehand")


def test_a_different_version_of_rollcall_makes_its_own_views(
    built: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    built.db.execute("create view staging.made_by_another as select 1")
    monkeypatch.setattr(affected, "rollcall_version", lambda: "another")
    models.update(built.db, built.home)
    with pytest.raises(duckdb.CatalogException):
        built.db.execute("drop view staging.made_by_another")


class Strict:
    """A connection that records failing statements: they end a transaction in DuckDB 2."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self.db = db
        self.failed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    def execute(self, statement: str, *parameters: object) -> duckdb.DuckDBPyConnection:
        try:
            return self.db.execute(statement, *parameters)
        except duckdb.Error:
            self.failed.append(statement)
            raise


def test_an_update_executes_no_statement_that_fails(built: Runs) -> None:
    strict = Strict(built.db)
    built.begin()
    built.begin_version("matter", "r20", {"name": "Big Ben"})
    models.update(cast("duckdb.DuckDBPyConnection", strict), built.home)
    assert strict.failed == []


def test_an_update_keeps_the_views_of_the_last_build(built: Runs) -> None:
    built.db.execute("create view staging.made_then as select 1")
    built.begin()
    models.update(built.db, built.home)
    built.db.execute("drop view staging.made_then")
    built.db.execute("update staging.last_build set made_of = 'others'")
    built.db.execute("create view staging.made_by_others as select 1")
    models.update(built.db, built.home)
    with pytest.raises(duckdb.CatalogException):
        built.db.execute("drop view staging.made_by_others")


def test_an_update_builds_only_the_affected_projects(built: Runs) -> None:
    built.begin()
    built.end_version("matter", "r7", "removed")
    for record_id in ("r1", "r2"):
        built.end_version("matter", record_id, "changed")
        built.begin_version("matter", record_id, {"name": "Big Ben"})
    built.begin_version("matter", "r20", {"name": "Cafe"})
    models.update(built.db, built.home)
    assert names(built, "matter") == [
        ("Big Ben", 2),
        ("Cafe", 1),
        ("Great Tom", 3),
        ("as it was built", 17),
    ]
    listed = "select name, last_seen_at, count(*) from projects where provider = 'matter' group by all"
    assert sorted(built.db.execute(listed).fetchall()) == [
        ("Big Ben", run(2), 2),
        ("Cafe", run(2), 1),
        ("as it was built", run(2), 17),
    ]


@pytest.mark.parametrize(
    ("enough", "refreshed", "affected_count"),
    [(39, 0, 0), (39, 8, 8), (39, 9, None), (40, 0, 0), (40, 1, None), (41, 1, None)],
)
def test_an_update_is_a_build_if_that_costs_no_more(
    enough: int, refreshed: int, affected_count: int | None, built: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affected, "FEW_VERSIONS", enough)
    built.begin()
    for number in range(refreshed):
        built.refresh("matter", f"r{number}", {"name": "Great Tom"})
    assert affected.find_affected(built.db, run(1)) == affected_count


def test_an_update_is_a_build_with_the_same_views_if_too_much_is_affected(built: Runs) -> None:
    built.db.execute("create view staging.made_then as select 1")
    built.begin()
    for number in range(9):
        built.refresh("matter", f"r{number}", {"name": "Great Tom"})
    models.update(built.db, built.home)
    assert names(built, "matter") == [("Great Tom", 20)]
    built.db.execute("drop view staging.made_then")


def test_files_of_other_customers_are_not_read(built: Runs) -> None:
    built.begin()
    built.end_version("evovoice", "r7", "removed")
    assert affected.find_affected(built.db, run(1)) == 1
    affected.find_keys(built.db, read_relations(built.home))
    read = built.db.execute("select distinct record_id from affected.records").fetchall()
    assert {record_id for (record_id,) in read} == {"r3", "r7", "r11", "r15", "r19"}


def test_an_update_builds_only_the_affected_customers(built: Runs) -> None:
    built.begin()
    built.end_version("evovoice", "r7", "removed")
    models.update(built.db, built.home)
    assert names(built, "evovoice") == [("Great Tom", 1), ("as it was built", 3)]
    kept = built.db.execute("select count(*) from files_history where type = 'as it was built'")
    assert kept.fetchall() == [(19,)]


def test_projects_that_an_earlier_build_covered_are_not_affected(built: Runs) -> None:
    built.begin()
    built.end_version("matter", "r1", "removed")
    built.refresh("matter", "r2", {"name": "Great Tom"})
    built.begin_version("matter", "r20", {"name": "Big Ben"})
    models.update(built.db, built.home)
    built.db.execute("update projects_history set name = 'as it was built'")
    built.begin()
    built.end_version("matter", "r3", "removed")
    models.update(built.db, built.home)
    assert names(built, "matter") == [("Great Tom", 1), ("as it was built", 20)]


@pytest.mark.parametrize("changed", ["model", "seed", "connection"])
def test_an_update_is_a_build_if_models_seeds_or_time_zones_differ(built: Runs, changed: str) -> None:
    match changed:
        case "model":
            staging = built.home / "sql" / "staging" / "stg_toy__projects.sql"
            staging.parent.mkdir(parents=True)
            staging.write_text("select * from staging.stg_matter__projects where false")
        case "seed":
            mapping = "provider,provider_status,status\nmatter,resting,on_hold\n"
            (built.home / "status_mapping.csv").write_text(mapping)
        case "connection":
            built.db.execute("update raw.connections set time_zone = 'Asia/Tokyo'")
    models.update(built.db, built.home)
    assert names(built, "matter") == [("Great Tom", 20)]
