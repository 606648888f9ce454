"""`rollcall forget`: no byte of a project stays or returns, and the rest of the history stays as it was."""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.load.landing import land
from pipelines.warehouse.paths import previous_path
from tests.support.home import Home, Row
from tests.support.light import light
from tests.support.loopback import Answer, Asked, Loopback

pytestmark = pytest.mark.usefixtures("without_dlt")  # one run is through dlt

OLD, NEW, LAST = "Marigold Unobtainium", "Periwinkle Unobtainium", "Saffron Unobtainium"


class Voices:
    """An EvoVoice account whose files a test changes."""

    def __init__(self, home: Home, loopback: Loopback) -> None:
        self.files: list[dict[str, Any]] = []
        base_url = loopback.serve("voices", self._answer)
        home.connect("evovoice", base_url=base_url, user_name="u", password="swordfish")

    def _answer(self, asked: Asked) -> Answer:
        listing = {"items": self.files, "totalCount": len(self.files), "totalPages": 1}
        return Answer({} if asked.method == "POST" else listing)


class Bells:
    """A Belltastic account whose projects a test changes."""

    def __init__(self, home: Home, loopback: Loopback) -> None:
        self.projects: list[dict[str, Any]] = [
            {"id": 1, "name": "Great Tom"},
            {"id": "unobtainium-2", "name": OLD},
        ]
        base_url = loopback.serve("bells", lambda _: Answer(self.projects))
        home.connect("belltastic", base_url=base_url, api_token="user_1")


@pytest.fixture
def fresh_bells(home: Home, loopback: Loopback) -> Bells:
    """A home before the first run."""
    return Bells(home, loopback)


@pytest.fixture(scope="module")
def one_run(loopback: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one run, which listed the project."""
    home = Home(tmp_path_factory.mktemp("one_run"))
    Bells(home, loopback)
    home.run()
    return home.path


@pytest.fixture
def bells(one_run: Path, home: Home, loopback: Loopback) -> Bells:
    """One run has listed the project."""
    shutil.copytree(one_run, home.path, dirs_exist_ok=True)
    home.runs = 1
    return Bells(home, loopback)


@pytest.fixture
def voices(home: Home, loopback: Loopback) -> Voices:
    return Voices(home, loopback)


def run(home: Home, *arguments: str, code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments], input=answer)
    assert result.exit_code == code, result.output
    return result


def files_with(home: Home, word: str) -> set[Path]:
    """The files under the home that contain a word, in any case, in their bytes or in a compressed table."""
    files = (path for path in home.path.rglob("*") if path.is_file())
    return {path for path in files if word.lower().encode() in path.read_bytes().lower() + values(path)}


def values(path: Path) -> bytes:
    """Every value in the tables of a DuckDB file, in lower case; nothing for other files."""
    if path.suffix != ".duckdb":
        return b""
    with duckdb.connect(str(path), read_only=True) as db:
        tables = db.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
        rows = [db.execute(f"select lower(t::text) from {table} as t").fetchall() for (table,) in tables]
    return repr(rows).encode()


def of_others(home: Home) -> dict[str, list[Row]]:
    return {
        table: home.rows(f"from {table} where project_key = 'belltastic:1'")
        for table in ("projects", "projects_history", "project_changes")
    }


def nested() -> list[object]:
    """JSON that is nested too deeply for any record."""
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    return deep


def test_an_erased_project_leaves_no_byte_and_does_not_come_back(home: Home, bells: Bells) -> None:
    bells.projects[1]["name"] = NEW
    home.run()
    # A guess of the content of a record could be tested against its hash.
    hashes = "select content_hash, canonical_hash from raw.records where record_id <> '1' order by valid_from"
    assert [row["canonical_hash"] is None for row in home.rows(hashes)] == [True, False]
    assert files_with(home, "unobtainium") == {home.warehouse, previous_path(home.warehouse)}
    others = of_others(home)
    result = run(home, "forget", "belltastic:unobtainium-2", "--yes")
    assert result.stderr == (
        f"project belltastic:unobtainium-2: {NEW}: 2 versions of 1 record\n"
        "erased; earlier exports, reports, logs and copies may still contain it\n"
    )
    assert files_with(home, "unobtainium") == set()
    assert of_others(home) == others
    assert home.rows(hashes.replace("record_id <> '1'", "record_id like 'forgotten-%'")) == 2 * [
        {"content_hash": "forgotten", "canonical_hash": None}
    ]
    for name in (LAST, None):
        bells.projects[1:] = [{"id": "unobtainium-2", "name": name}] if name else []
        with light(land):  # through dlt
            assert home.run().exit_code == 0
        assert files_with(home, "unobtainium") == set()
    counts = home.rows("select started_at, records, unchanged, removed from listings order by started_at")
    assert [(row["records"], row["unchanged"], row["removed"]) for row in counts] == [
        (2, 0, 0),
        (2, 1, 0),
        (2, 2, 0),
        (1, 1, 1),
    ]


def test_the_shape_of_its_history_stays(home: Home, bells: Bells) -> None:
    versions = "select valid_from, valid_to, end_reason from raw.records where record_id <> '1'"
    before = home.rows(versions)
    run(home, "forget", "unobtainium-2", "--yes")
    assert home.rows(versions) == before
    assert home.rows("select project_key from projects") == [{"project_key": "belltastic:1"}]
    assert home.rows("select project_key from projects_as_of(now())") == [{"project_key": "belltastic:1"}]
    (row,) = home.rows("select * from projects_history where project_key <> 'belltastic:1'")
    assert row["project_key"].startswith("belltastic:forgotten-")
    assert (row["name"], row["attributes"]) == (None, {})
    bells.projects.pop()
    home.run()
    (gone,) = home.rows("from projects_history where project_id <> '1'")
    assert (gone["valid_from"], gone["end_reason"]) == (before[0]["valid_from"], "removed")


def test_quarantined_records_are_erased(home: Home, bells: Bells) -> None:
    bells.projects[1]["deep"] = nested()
    home.run()
    assert home.rows("select record_id from quarantine") == [{"record_id": "unobtainium-2"}]
    run(home, "forget", "belltastic:unobtainium-2", "--yes")
    with light():
        home.run()
    assert files_with(home, "unobtainium") == set()


def test_a_project_that_was_only_quarantined_can_be_erased(
    home: Home, fresh_bells: Bells, loopback: Loopback
) -> None:
    fresh_bells.projects[1]["deep"] = nested()
    home.run()
    other = loopback.serve("other", Answer([{"id": "unobtainium-2", "deep": nested()}]))
    home.connect("other", "belltastic", base_url=other, api_token="user_2")
    home.run("other")
    result = run(home, "forget", "unobtainium-2", "--yes", code=2)
    assert result.stderr == (
        "rollcall: 2 records have the id unobtainium-2. "
        "Name one by its key: belltastic:unobtainium-2, other:unobtainium-2\n"
    )
    result = run(home, "forget", "belltastic:unobtainium-2", "other:unobtainium-2", "--yes")
    assert "project belltastic:unobtainium-2: 0 versions of 0 records, 1 in quarantine\n" in result.stderr
    assert files_with(home, "unobtainium") == set()
    with light():
        home.run()
    fresh_bells.projects[1] = {"id": "unobtainium-2", "name": LAST}
    home.run()
    assert files_with(home, "unobtainium") == set()
    assert home.rows("from projects where name is not null") == home.rows(
        "from projects where project_key = 'belltastic:1'"
    )
    assert run(home, "forget", "belltastic", "--yes", code=2).stderr.startswith("rollcall: there is no")


def test_a_record_that_may_be_of_an_erased_project_is_not_kept(home: Home, fresh_bells: Bells) -> None:
    nameless = {"id": ["unobtainium-2"], "name": OLD}
    fresh_bells.projects.append(nameless)
    home.run()
    assert files_with(home, "unobtainium-2")
    run(home, "forget", "belltastic:unobtainium-2", "--yes")
    assert files_with(home, "unobtainium") == set()
    with light():
        home.run()
    assert files_with(home, "unobtainium") == set()
    assert home.rows("select record_id, payload, reason from raw.quarantine") == 2 * [
        {"record_id": None, "payload": "{}", "reason": "it is or may be forgotten"}
    ]


def test_a_customer_is_erased_with_its_files(home: Home, voices: Voices) -> None:
    files = [
        {"id": "f1", "customerId": "c1", "customerName": OLD, "fileName": "unobtainium.mp3"},
        {"id": "f2", "customerId": "c1", "customerName": NEW, "accountId": "a"},
        {"id": "f3", "customerId": "c2", "customerName": "Quay"},
    ]
    voices.files = files
    home.run()
    result = run(home, "forget", "evovoice:c1", "--yes")
    assert "2 versions of 2 records" in result.stderr
    for later in (
        files,
        [*files, {"id": "f4", "customerId": "c1", "customerName": LAST}],
        [*files[1:], {"id": "f4", "CustomerId": "c1", "CustomerName": LAST}],
        [*files[1:], {"customerId": "c1", "customerName": "Unobtainium without an id"}],
        files[2:],
    ):
        voices.files = later
        with light() if later[0] is not files[2] else contextlib.nullcontext():
            home.run(full=True)
        assert files_with(home, "unobtainium") == set()
    quay, gone = home.rows(
        "select project_key, name, valid_from, valid_to, version from projects_history order by 1"
    )
    assert quay["project_key"] == "evovoice:c2"
    assert gone["project_key"].startswith("evovoice:forgotten-")
    assert (gone["name"], gone["version"]) == (None, 1)
    assert (gone["valid_from"], gone["valid_to"]) == (quay["valid_from"], "2026-11-06 02:00:00+00")
    sums = home.rows(
        "select records, new, changed, unchanged, removed, quarantined from listings order by started_at"
    )
    assert [tuple(row.values()) for row in sums] == [
        (3, 3, 0, 0, 0, 0),
        (3, 0, 0, 3, 0, 0),
        (4, 1, 0, 3, 0, 0),
        (3, 0, 0, 3, 1, 0),
        (3, 0, 0, 2, 0, 1),
        (1, 0, 0, 1, 2, 0),
    ]
    assert home.rows("select record_id, reason from quarantine") == [
        {"record_id": None, "reason": "it is or may be forgotten"}
    ]


def test_a_file_may_move_from_one_forgotten_customer_to_another(home: Home, voices: Voices) -> None:
    holders_of = {"a": "1", "b": "1", "c": "2"}
    voices.files = [{"id": name, "customerId": holder} for name, holder in holders_of.items()]
    home.run()
    run(home, "forget", "evovoice:1", "evovoice:2", "--yes")
    refreshed = "select count(*) as files from raw.records where refreshed_at is not null"
    with light():
        assert home.run(full=True).listings[0].unchanged == 3
    assert home.rows(refreshed) == [{"files": 0}]
    holders = "select payload, count(*) as files from raw.records group by all order by files"
    before = home.rows(holders)
    assert [row["files"] for row in before] == [1, 2]
    voices.files[1]["customerId"] = "2"
    with light():
        assert home.run(full=True).listings[0].unchanged == 3
    assert home.rows(refreshed) == [{"files": 1}]
    assert [row["payload"] for row in home.rows(holders)] == [row["payload"] for row in reversed(before)]


def test_a_file_only_in_quarantine_is_erased_with_its_customer(home: Home, voices: Voices) -> None:
    refused = {"id": "unobtainium-1", "customerId": "c1", "customerName": OLD, "deep": nested()}
    other = {"id": "f4", "customerId": "c2", "deep": nested()}
    ours, theirs = {"id": "f2", "customerId": "c1"}, {"id": "f3", "customerId": "c2"}
    voices.files = [refused, other, ours, {**theirs, "customerId": "c1", "deep": nested()}]
    with light():
        home.run()
    voices.files[-1] = theirs  # it has moved, and can be accepted
    home.run(full=True)
    run(home, "forget", "evovoice:c1", "--yes")
    known = "select count(*) as rows from raw.forgotten"
    assert home.rows(known) == [{"rows": 3}]  # c1, f2 and the quarantined one
    with light():
        home.run(full=True)
    assert files_with(home, "unobtainium") == set()
    counts = "select record_id[:10] as begins, count(*) as rows from raw.quarantine group by all order by all"
    assert [tuple(row.values()) for row in home.rows(counts)] == [("f3", 1), ("f4", 3), ("forgotten-", 2)]
    assert home.rows(known) == [{"rows": 3}]


def test_an_unreadable_file_may_belong_to_an_erased_customer(home: Home, voices: Voices) -> None:
    voices.files = [{"id": "f1", "customerId": "c1"}, {"id": "f2", "customerName": OLD + "x" * (8 << 20)}]
    home.run()
    assert files_with(home, "unobtainium")
    run(home, "forget", "evovoice:c1", "--yes")
    assert files_with(home, "unobtainium") == set()
    assert home.rows("select record_id, payload from quarantine") == [{"record_id": "f2", "payload": "{}"}]


def test_a_file_that_has_moved_stays_with_its_new_customer(home: Home, voices: Voices) -> None:
    ours, theirs = ({"customerId": id, "customerName": name} for id, name in (("c1", OLD), ("c2", "Quay")))
    voices.files = [{"id": "f1", "fileName": "unobtainium.mp3", **ours}, {"id": "f2", **ours}]
    with light():
        home.run()
    voices.files[0] = {"id": "f1", "fileName": "a.mp3", **theirs}
    home.run(full=True)
    run(home, "forget", "evovoice:c1", "--yes")
    assert files_with(home, "unobtainium") == set()
    history = "select customer_id, file_name, version, change from files_history where file_id = 'f1'"
    pseudonym = home.rows(history)[0]["customer_id"]
    assert pseudonym.startswith("forgotten-")
    gone = {"customer_id": pseudonym, "file_name": None}
    moved = {"customer_id": "c2", "file_name": "a.mp3"}
    expected = [
        {**gone, "version": 1, "change": "created"},
        {**moved, "version": 2, "change": "changed"},
        {**gone, "version": 3, "change": "changed"},
        {**moved, "version": 4, "change": "changed"},
    ]
    assert home.rows(history) == expected[:2]
    with light():
        assert home.run(full=True).listings[0].unchanged == 2
    voices.files = [{"id": "f1", "fileName": "unobtainium.mp3", **ours}, {"id": "f2", **ours, "type": "Fax"}]
    home.run(full=True)
    assert files_with(home, "unobtainium") == set()
    assert home.rows(history) == expected[:3]
    voices.files = [{"id": "f1", "fileName": "a.mp3", **theirs}, {"id": "f2", "fileName": "b.mp3", **theirs}]
    assert home.run(full=True).listings[0].removed == 1
    assert home.rows(history) == expected
    assert [row["file_id"] for row in home.rows("from files")] == ["f1", "f2"]
    run(home, "forget", "evovoice:c2", "--yes")
    assert home.rows("from files where file_name is not null") == []
    assert files_with(home, "Quay") == set()
    assert home.rows(history) == []


def test_customers_that_name_an_erased_customer_are_named(home: Home, voices: Voices) -> None:
    above = [{"id": "c1", "name": OLD}, {"id": "c2", "name": "Quay"}]
    voices.files = [
        {"id": "f1", "customerId": "c1", "customerName": OLD},
        {"id": "f2", "customerId": "c2", "customerName": "Quay", "customerBreadcrumb": above},
    ]
    home.run()
    printed = run(home, "forget", "evovoice:c1", "--yes").stderr
    assert "evovoice:c1 is still named as the parent customer in evovoice:c2: forget these too\n" in printed
    assert "stays named" not in run(home, "forget", "evovoice:c2", "--yes").stderr
    with light():
        assert home.run(full=True).listings[0].unchanged == 2
    assert files_with(home, "unobtainium") == set()


def test_replaced_files_are_removed(home: Home, bells: Bells) -> None:
    bells.projects[1]["name"] = NEW
    home.run()
    run(home, "restore")
    (aside,) = home.path.glob("*.replaced-*")
    result = run(home, "forget", "unobtainium-2", "--yes")
    assert f"removed {aside}\n" in result.stderr
    assert files_with(home, "unobtainium") == set()


def test_forgetting_again_changes_nothing(home: Home, bells: Bells) -> None:
    os.umask(0)
    run(home, "forget", "unobtainium-2", "--yes")
    known = home.rows("from raw.records")
    pseudonym = next(row["record_id"] for row in known if row["record_id"] != "1")
    run(home, "forget", f"belltastic:{pseudonym}", "--yes")
    assert os.umask(0o077) == 0o077  # it sets a private umask
    assert home.rows("from raw.records") == known
    with light():
        assert home.run().listings[0].unchanged == 2


def test_erasing_asks_for_confirmation(home: Home, bells: Bells) -> None:
    published = home.warehouse.read_bytes()
    result = run(home, "forget", "belltastic:1", code=2)
    assert result.stderr.endswith(
        "rollcall: nobody can confirm this: standard input is not a terminal. "
        "Give --yes to erase this permanently\n"
    )
    assert run(home, "forget", "belltastic:3", "--yes", code=2).stderr.startswith(
        "rollcall: there is no project"
    )
    assert home.warehouse.read_bytes() == published


def test_messages_that_may_name_an_erased_project_are_erased(
    home: Home, bells: Bells, loopback: Loopback
) -> None:
    refusal = Answer({"message": "project unobtainium-2 is broken"}, status=422)
    home.connect("belltastic", base_url=loopback.serve("refusing", refusal), api_token="user_1")
    home.run()
    assert "unobtainium-2" in str(home.rows("select message from listings"))
    previous_path(home.warehouse).with_name("warehouse.previous.duckdb.wal").write_text(OLD)
    run(home, "forget", "belltastic:unobtainium-2", "--yes")
    assert files_with(home, "unobtainium") - set((home.path / "logs").rglob("*")) == set()
    assert [row["message"] for row in home.rows("select message from listings order by started_at")] == [
        None,
        "erased, because it may name forgotten records",
    ]


def test_later_runs_do_not_quote_the_provider(
    home: Home, bells: Bells, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, "forget", "belltastic:unobtainium-2", "--yes")
    body = {"message": "project unobtainium-2 is broken"}
    remedy = "check the settings of belltastic in .dlt/config.toml, or ask the provider"
    for answer, message in (
        (Answer(body, status=422), f"page 1: projects answered 422 (***): {remedy}"),
        (Answer(body), f"page 1: projects answered 200 (***): {remedy}"),
        (Answer({"unobtainium": 2}), f"page 1: projects returned an undocumented answer: {remedy}"),
    ):
        home.connect("belltastic", base_url=loopback.serve("refusing", answer), api_token="user_1")
        with light():
            result = run(home, "sync", code=3)
        assert message in result.output
        assert files_with(home, "unobtainium") == set()
        assert home.rows("select message from listings order by started_at desc limit 1") == [
            {"message": message}
        ]

    home.connect("belltastic", base_url="http://127.0.0.1:1/api/v1", api_token="user_1")
    with light():
        assert "projects failed: Connection refused" in run(home, "sync", code=3).output

    def fail(*_: object, **__: object) -> None:
        raise KeyError("unobtainium-2")

    monkeypatch.setattr("pipelines.extract.listing.read_record", fail)
    home.connect("belltastic", base_url=loopback.serve("bells", Answer([{}])), api_token="user_1")
    with light():
        assert "its module failed: KeyError: ***" in run(home, "sync", code=3).output
    assert files_with(home, "unobtainium") == set()


def test_a_project_of_one_rillsoft_client_is_erased_without_the_other(home: Home, loopback: Loopback) -> None:
    projects = [{"id": 7, "name": OLD}]
    base_url = loopback.serve("rills", lambda _: Answer({"status": "success", "details": projects}))
    home.connect("rillsoft", base_url=base_url, client_ids=[11, 12], access_token="a.b.c")
    home.run()
    other = "from projects_history where project_key = 'rillsoft:12:7'"
    before = home.rows(other)
    run(home, "forget", "rillsoft:11:7", "--yes")
    assert home.rows(other) == before
    projects[0]["name"] = NEW
    assert [listing.changed for listing in home.run().listings] == [0, 1]
    assert home.rows("select project_key[:22] as project_key, name from projects order by all") == [
        {"project_key": "rillsoft:12:7", "name": NEW},
    ]


def test_a_pseudonym_cannot_be_tried_without_the_warehouse(
    home: Home, bells: Bells, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, "forget", "unobtainium-2", "--yes")
    ((salt,),) = (row.values() for row in home.rows("from raw.salt"))
    known = home.rows("select record_id from raw.records where record_id <> '1'")
    hashed = f"{salt}/belltastic//projects/unobtainium-2"
    assert known == [{"record_id": f"forgotten-{hashlib.sha256(hashed.encode()).hexdigest()[:16]}"}]
    run(home, "export")
    run(home, "report")
    assert files_with(home, salt) == {home.warehouse, previous_path(home.warehouse)}
    assert len(salt) == 64
    # The next file is built from the facts alone, as if much of the file were free space.
    monkeypatch.setattr("pipelines.warehouse.draft.is_wasteful", lambda _: True)
    with light():
        home.run()
    run(home, "restore")
    run(home, "forget", "belltastic:1", "--yes")
    with light():
        home.run()
    assert home.rows("from raw.salt") == [{"salt": salt}]
    assert home.rows("from raw.records where content_hash <> 'forgotten'") == []
    assert not files_with(home, "Great Tom") & {home.warehouse, previous_path(home.warehouse)}
