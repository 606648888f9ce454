"""An update leaves what a build from nothing would, and works out no more than what has changed."""

import json
import random
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
from tests.models.raw import run

ENTITIES = {"evovoice": "files", "matter": "projects", "rillsoft": "projects"}
NAMES = ["Great Tom", "Big Ben", "Cafe\u0301", "Caf\u00e9"]
CURRENT = "connection = $1 and record_id = $2 and valid_to is null"


class Runs:
    """A warehouse to which runs are added by hand, as merging adds them."""

    def __init__(self, home: Path) -> None:
        self.home, self.count = home, 0
        draft = Draft(Path(":memory:"), 300)
        draft.attach()
        self.connection = draft.db
        for provider in ENTITIES:
            self.connection.execute("insert into raw.connections values ($1, $1, 'UTC', true)", [provider])

    def begin(self) -> None:
        """A new run, that sees everything again."""
        self.count += 1
        now = run(self.count)
        self.connection.execute("insert into raw.runs values ($1, $1, 'complete', '0.1.0', '-')", [now])
        self.connection.execute("update raw.records set last_seen_at = $1 where valid_to is null", [now])

    def end_version(self, provider: str, record_id: str, reason: str) -> None:
        """The record changed or went."""
        self.connection.execute(
            f"update raw.records set valid_to = $3, end_reason = $4 where {CURRENT}",
            [provider, record_id, run(self.count), reason],
        )

    def refresh(self, provider: str, record_id: str, payload: dict[str, Any]) -> None:
        """The record's text differs, but not its content."""
        self.connection.execute(
            f"update raw.records set payload = $3, refreshed_at = $4 where {CURRENT}",
            [provider, record_id, json.dumps(payload), run(self.count)],
        )

    def begin_version(self, provider: str, record_id: str, payload: dict[str, Any]) -> None:
        """The record came, changed or returned."""
        scope = "7" if provider == "rillsoft" else None
        now = run(self.count)
        self.connection.execute(
            "insert into raw.records "
            "values ($1, $1, $2, $3, $4, $5, 'hash', null, null, $6, null, null, $6, null)",
            [provider, scope, ENTITIES[provider], record_id, json.dumps(payload), now],
        )

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every published table."""
        marts = read_models("marts", self.home)
        return {mart: self.connection.execute(f"from {mart} order by all").fetchall() for mart in marts}

    def built_from_nothing(self) -> dict[str, list[tuple[Any, ...]]]:
        """The same, after a build in another warehouse that holds nothing but the facts."""
        other = Runs(self.home)
        for table in ("runs", "records"):
            other.connection.register("rows", self.connection.sql(f"from raw.{table}").to_arrow_table())
            other.connection.execute(f"insert into raw.{table} from rows")
        models.build(other.connection, self.home)
        with other.connection:
            return other.content()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    monkeypatch.setattr(affected, "FEW_VERSIONS", 0)
    found = Runs(tmp_path)
    yield found
    found.connection.close()


def said(provider: str, chance: random.Random) -> dict[str, Any]:
    """A record of few possible values, so that runs bring back what was."""
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
    """A run in which about that share of 60 possible records come, change, are refreshed or go."""
    runs.begin()
    held = dict(
        runs.connection.execute(
            "select (connection, record_id), 1 from raw.records where valid_to is null"
        ).fetchall()
    )
    for provider in ENTITIES:
        for number in range(20):
            record_id = f"r{number}"
            if chance.random() > share:
                continue
            if (provider, record_id) not in held:
                runs.begin_version(provider, record_id, said(provider, chance))
                continue
            match chance.choice(["refresh", "change", "remove"]):
                case "refresh":
                    runs.refresh(provider, record_id, said(provider, chance))
                case "change":
                    runs.end_version(provider, record_id, "changed")
                    runs.begin_version(provider, record_id, said(provider, chance))
                case "remove":
                    runs.end_version(provider, record_id, "removed")


@pytest.mark.parametrize("seed", range(3))
def test_an_update_is_a_build(runs: Runs, seed: int) -> None:
    chance = random.Random(seed)
    for share in (1.0, 0.02, 0.0, 0.1, 0.5):
        play(runs, chance, share)
        models.update(runs.connection, runs.home)
        assert runs.content() == runs.built_from_nothing()


def begin_projects(runs: Runs, count: int) -> None:
    """A run of so many projects of one name."""
    runs.begin()
    for number in range(count):
        runs.begin_version("matter", f"r{number}", {"name": "Great Tom"})
    models.update(runs.connection, runs.home)


def test_what_is_prepared_beforehand_is_as_good(runs: Runs) -> None:
    models.prepare(runs.connection, runs.home)
    runs.connection.execute("create view staging.made_beforehand as select 1")
    runs.begin()
    runs.begin_version("matter", "1", {"name": "Big Ben", "projectStatus": "PRJ_STATUS_COMPLETE"})
    models.update(runs.connection, runs.home, is_prepared=True)
    assert runs.content() == runs.built_from_nothing()
    runs.connection.execute("drop view staging.made_beforehand")


def test_another_rollcall_makes_its_own_views(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.begin()
    models.update(runs.connection, runs.home)
    runs.connection.execute("create view staging.made_by_another as select 1")
    monkeypatch.setattr(affected, "rollcall_version", lambda: "another")
    models.update(runs.connection, runs.home)
    with pytest.raises(duckdb.CatalogException):
        runs.connection.execute("drop view staging.made_by_another")


class Strict:
    """A connection that notes what fails: DuckDB 2 ends the transaction then, whoever expected it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.failed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: str, *parameters: object) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(statement, *parameters)
        except duckdb.Error:
            self.failed.append(statement)
            raise


def test_nothing_of_an_update_is_tried_and_fails(runs: Runs) -> None:
    strict = Strict(runs.connection)
    for _ in range(2):
        runs.begin()
        runs.begin_version("matter", str(runs.count), {"name": "Big Ben"})
        models.update(cast("duckdb.DuckDBPyConnection", strict), runs.home)
    assert strict.failed == []


def test_an_update_keeps_the_views_of_the_last_build(runs: Runs) -> None:
    runs.begin()
    runs.begin_version("matter", "1", {"name": "Big Ben"})
    models.update(runs.connection, runs.home)
    runs.connection.execute("create view staging.made_then as select 1")
    runs.begin()
    models.update(runs.connection, runs.home)
    runs.connection.execute("drop view staging.made_then")
    runs.connection.execute("update staging.last_build set made_of = 'others'")
    runs.connection.execute("create view staging.made_by_others as select 1")
    models.update(runs.connection, runs.home)
    with pytest.raises(duckdb.CatalogException):
        runs.connection.execute("drop view staging.made_by_others")


def test_an_update_works_out_only_what_is_affected(runs: Runs) -> None:
    begin_projects(runs, 20)
    for table in ("projects", "projects_history"):
        runs.connection.execute(f"update {table} set name = 'as it was built'")
    runs.begin()
    runs.end_version("matter", "r7", "removed")
    models.update(runs.connection, runs.home)
    names = "select name, count(*) from projects_history group by all order by all"
    assert runs.connection.execute(names).fetchall() == [("Great Tom", 1), ("as it was built", 19)]
    listed = "select name, last_seen_at, count(*) from projects group by all"
    assert runs.connection.execute(listed).fetchall() == [("as it was built", run(2), 19)]


@pytest.mark.parametrize(
    ("known", "refreshed", "anew"),
    [(10, 0, False), (10, 2, False), (10, 3, True), (9, 0, False), (9, 1, True), (8, 1, True)],
)
def test_everything_is_built_anew_where_that_costs_no_more(
    known: int, refreshed: int, anew: bool, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affected, "FEW_VERSIONS", 9)
    begin_projects(runs, known)
    runs.connection.execute("update projects_history set name = 'as it was built'")
    runs.begin()
    for number in range(refreshed):
        runs.refresh("matter", f"r{number}", {"name": "Great Tom"})
    models.update(runs.connection, runs.home)
    kept = runs.connection.execute("select count(*) from projects_history where name <> 'Great Tom'")
    assert kept.fetchall() == [(0 if anew else known - refreshed,)]


def begin_customers(runs: Runs) -> None:
    """A run of 20 files, of four customers in turn."""
    runs.begin()
    for number in range(20):
        said = {"id": "-", "customerId": f"c{number % 4}", "customerName": "Great Tom"}
        runs.begin_version("evovoice", f"r{number}", said)
    models.update(runs.connection, runs.home)


def test_of_other_customers_no_file_is_read(runs: Runs) -> None:
    begin_customers(runs)
    runs.begin()
    runs.end_version("evovoice", "r7", "removed")
    assert affected.find_affected(runs.connection, runs.home) == 1
    affected.find_keys(runs.connection, read_relations(runs.home))
    read = runs.connection.execute("select distinct record_id from affected.records").fetchall()
    assert {record_id for (record_id,) in read} == {"r3", "r7", "r11", "r15", "r19"}


def test_an_update_works_out_only_the_customers_that_are_affected(runs: Runs) -> None:
    begin_customers(runs)
    runs.connection.execute("update projects_history set name = 'as it was built'")
    runs.connection.execute("update files_history set type = 'as it was built'")
    runs.begin()
    runs.end_version("evovoice", "r7", "removed")
    models.update(runs.connection, runs.home)
    for table, column, rows in (("projects_history", "name", 3), ("files_history", "type", 19)):
        kept = runs.connection.execute(f"select count(*) from {table} where {column} = 'as it was built'")
        assert kept.fetchall() == [(rows,)]


def test_what_the_last_build_has_worked_out_is_not_affected(runs: Runs) -> None:
    begin_projects(runs, 20)
    runs.begin()
    runs.end_version("matter", "r1", "removed")
    runs.refresh("matter", "r2", {"name": "Great Tom"})
    runs.begin_version("matter", "r20", {"name": "Big Ben"})
    models.update(runs.connection, runs.home)
    runs.connection.execute("update projects_history set name = 'as it was built'")
    runs.begin()
    runs.end_version("matter", "r3", "removed")
    models.update(runs.connection, runs.home)
    names = "select name, count(*) from projects_history group by all order by all"
    assert runs.connection.execute(names).fetchall() == [("Great Tom", 1), ("as it was built", 20)]


def test_one_that_changed_is_affected_once(runs: Runs) -> None:
    begin_projects(runs, 10)
    runs.connection.execute("update projects_history set name = 'as it was built'")
    runs.begin()
    for record_id in ("r1", "r2"):
        runs.end_version("matter", record_id, "changed")
        runs.begin_version("matter", record_id, {"name": "Big Ben"})
    models.update(runs.connection, runs.home)
    names = "select name, count(*) from projects_history group by all order by all"
    assert runs.connection.execute(names).fetchall() == [
        ("Big Ben", 2),
        ("Great Tom", 2),
        ("as it was built", 8),
    ]


def test_one_that_is_new_is_affected(runs: Runs) -> None:
    begin_projects(runs, 20)
    runs.begin()
    runs.begin_version("matter", "r20", {"name": "Big Ben"})
    models.update(runs.connection, runs.home)
    assert runs.content() == runs.built_from_nothing()


@pytest.mark.parametrize("changed", ["model", "seed", "connection"])
def test_everything_is_built_anew_of_other_models_seeds_and_zones(runs: Runs, changed: str) -> None:
    runs.begin()
    runs.begin_version("matter", "r1", {"name": "Great Tom", "projectStatus": "resting"})
    models.update(runs.connection, runs.home)
    runs.connection.execute("update projects set name = 'as it was built'")
    models.update(runs.connection, runs.home)
    assert runs.connection.execute("select name from projects").fetchall() == [("as it was built",)]
    match changed:
        case "model":
            staging = runs.home / "sql" / "staging" / "stg_toy__projects.sql"
            staging.parent.mkdir(parents=True)
            staging.write_text("select * from staging.stg_matter__projects where false")
        case "seed":
            mapping = "provider,provider_status,status\nmatter,resting,on_hold\n"
            (runs.home / "status_mapping.csv").write_text(mapping)
        case "connection":
            runs.connection.execute("update raw.connections set time_zone = 'Asia/Tokyo'")
    models.update(runs.connection, runs.home)
    assert runs.connection.execute("select name from projects").fetchall() == [("Great Tom",)]
