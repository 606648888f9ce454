"""`rollcall forget`: no byte of it stays or comes back, and the history of all else is as it was."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.warehouse import former_of
from tests.home import Home, Row
from tests.loopback import Answer, Asked, Loopback

OLD, NEW, LAST = "Marigold Unobtainium", "Periwinkle Unobtainium", "Saffron Unobtainium"


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
def bells(home: Home, loopback: Loopback) -> Bells:
    return Bells(home, loopback)


def run(home: Home, *arguments: str, code: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments], input=answer)
    assert result.exit_code == code, result.output
    return result


def files_with(home: Home, word: str) -> set[Path]:
    """The files under the home that hold a text, in whatever case."""
    files = (path for path in home.path.rglob("*") if path.is_file())
    return {path for path in files if word.lower().encode() in path.read_bytes().lower()}


def of_others(home: Home) -> dict[str, list[Row]]:
    return {
        table: home.rows(f"from {table} where project_key = 'belltastic:1'")
        for table in ("projects", "projects_history", "project_changes")
    }


def test_no_byte_of_it_stays_or_comes_back(home: Home, bells: Bells) -> None:
    home.night()
    bells.projects[1]["name"] = NEW
    home.night()
    assert files_with(home, "unobtainium") == {home.warehouse, former_of(home.warehouse)}
    others = of_others(home)
    result = run(home, "forget", "belltastic:unobtainium-2", "--yes")
    assert result.stderr == (
        f"project belltastic:unobtainium-2: {NEW}: 2 versions of 1 record\n"
        "erased; exports, reports, logs and copies made before may still hold it\n"
    )
    assert files_with(home, "unobtainium") == set()
    assert of_others(home) == others
    for name in (NEW, LAST, None):
        bells.projects[1:] = [{"id": "unobtainium-2", "name": name}] if name else []
        assert home.night().exit_code == 0
        assert files_with(home, "unobtainium") == set()
    counts = home.rows("select started_at, records, unchanged, removed from listings order by started_at")
    assert [(row["records"], row["unchanged"], row["removed"]) for row in counts] == [
        (2, 0, 0),
        (2, 1, 0),
        (2, 2, 0),
        (2, 2, 0),
        (1, 1, 1),
    ]


def test_the_shape_of_its_history_stays(home: Home, bells: Bells) -> None:
    home.night()
    home.night()
    versions = "select valid_from, valid_to, end_reason from raw.records where record_id <> '1'"
    before = home.rows(versions)
    run(home, "forget", "unobtainium-2", "--yes")
    assert home.rows(versions) == before
    (row,) = home.rows("select * from projects where project_key <> 'belltastic:1'")
    assert row["project_key"].startswith("belltastic:forgotten-")
    assert (row["name"], row["attributes"]) == (None, {})
    bells.projects.pop()
    home.night()
    (gone,) = home.rows("from projects_history where project_id <> '1'")
    assert (gone["valid_from"], gone["end_reason"]) == (before[0]["valid_from"], "removed")


def test_what_was_refused_is_erased_too(home: Home, bells: Bells) -> None:
    home.night()
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    bells.projects[1] = {"id": "unobtainium-2", "name": OLD, "deep": deep}
    home.night()
    assert home.rows("select record_id from quarantine") == [{"record_id": "unobtainium-2"}]
    run(home, "forget", "belltastic:unobtainium-2", "--yes")
    home.night()
    assert files_with(home, "unobtainium") == set()


def test_a_customer_goes_with_its_files(home: Home, loopback: Loopback) -> None:
    files = [
        {"id": "f1", "customerId": "c1", "customerName": OLD, "fileName": "unobtainium.mp3"},
        {"id": "f2", "customerId": "c1", "customerName": NEW, "accountId": "a"},
        {"id": "f3", "customerId": "c2", "customerName": "Quay"},
    ]

    def answer(asked: Asked) -> Answer:
        listing = {"items": files, "totalCount": len(files), "totalPages": 1}
        return Answer({} if asked.method == "POST" else listing)

    home.connect("evovoice", base_url=loopback.serve("voices", answer), user_name="u", password="swordfish")
    home.night()
    result = run(home, "forget", "evovoice:c1", "--yes")
    assert "2 versions of 2 records" in result.stderr
    for later in (
        files,
        [*files, {"id": "f4", "customerId": "c1", "customerName": LAST}],
        [*files[1:], {"id": "f4", "CustomerId": "c1", "CustomerName": LAST}],
        [*files[1:], {"customerId": "c1", "customerName": "Unobtainium without an id"}],
        files[2:],
    ):
        files = later
        home.night(full=True)
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
        {"record_id": None, "reason": "forgotten"}
    ]


def test_who_else_names_a_customer_is_told(home: Home, loopback: Loopback) -> None:
    above = [{"id": "c1", "name": OLD}, {"id": "c2", "name": "Quay"}]
    files = [
        {"id": "f1", "customerId": "c1", "customerName": OLD},
        {"id": "f2", "customerId": "c2", "customerName": "Quay", "customerBreadcrumb": above},
    ]
    listing = {"items": files, "totalCount": 2, "totalPages": 1}

    def answer(asked: Asked) -> Answer:
        return Answer({} if asked.method == "POST" else listing)

    home.connect("evovoice", base_url=loopback.serve("voices", answer), user_name="u", password="swordfish")
    home.night()
    told = run(home, "forget", "evovoice:c1", "--yes").stderr
    assert "evovoice:c1 stays named, as the customer above, in evovoice:c2: forget these too\n" in told
    assert "stays named" not in run(home, "forget", "evovoice:c2", "--yes").stderr
    assert home.night(full=True).listings[0].unchanged == 2
    assert files_with(home, "unobtainium") == set()


def test_what_was_put_aside_goes_too(home: Home, bells: Bells) -> None:
    home.night()
    bells.projects[1]["name"] = NEW
    home.night()
    run(home, "restore")
    (aside,) = home.path.glob("*.aside-*")
    result = run(home, "forget", "unobtainium-2", "--yes")
    assert f"removed {aside}\n" in result.stderr
    assert files_with(home, "unobtainium") == set()


def test_a_second_time_changes_nothing(home: Home, bells: Bells) -> None:
    home.night()
    run(home, "forget", "unobtainium-2", "--yes")
    known = home.rows("from raw.records")
    pseudonym = next(row["record_id"] for row in known if row["record_id"] != "1")
    run(home, "forget", f"belltastic:{pseudonym}", "--yes")
    assert home.rows("from raw.records") == known
    assert home.night().listings[0].unchanged == 2


def test_it_asks_first(home: Home, bells: Bells) -> None:
    home.night()
    published = home.warehouse.read_bytes()
    result = run(home, "forget", "belltastic:1", code=2)
    assert result.stderr.endswith(
        "rollcall: nobody is there to be asked. Give --yes to erase this for good\n"
    )
    assert run(home, "forget", "belltastic:3", "--yes", code=2).stderr.startswith(
        "rollcall: there is no project"
    )
    assert home.warehouse.read_bytes() == published


def test_what_a_provider_said_of_it_is_erased_too(home: Home, bells: Bells, loopback: Loopback) -> None:
    home.night()
    refusal = Answer({"message": "project unobtainium-2 is broken"}, status=422)
    home.connect("belltastic", base_url=loopback.serve("refusing", refusal), api_token="user_1")
    home.night()
    assert "unobtainium-2" in str(home.rows("select message from listings"))
    former_of(home.warehouse).with_name("warehouse.former.duckdb.wal").write_text(OLD)
    run(home, "forget", "belltastic:unobtainium-2", "--yes")
    assert files_with(home, "unobtainium") - set((home.path / "logs").rglob("*")) == set()
    assert [row["message"] for row in home.rows("select message from listings order by started_at")] == [
        None,
        "erased, for it named what is forgotten",
    ]
