"""EvoVoice's projects are the customers of its files: they exist while a file does, and follow the newest."""

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from tests.transform.raw import RUNS, Given, Raw, run

SPAN = "valid_from, valid_to, change, end_reason, name, changed_columns"


given = Given()


@pytest.fixture(scope="module")
def history(shared_raw: Raw) -> Raw:
    """The warehouse with the rows of all tests of this module."""
    return given.build(shared_raw)


def file(
    created: int | None = 1, customer: str | None = "c", name: str = "Quay", **fields: object
) -> dict[str, object]:
    """A file's payload, created on a day of October."""
    when = None if created is None else f"2026-10-{created:02}T00:00:00Z"
    return {"id": "f", "customerId": customer, "customerName": name, "dateCreated": when} | fields


def spans(raw: Raw, key: str = "evovoice:c") -> list[tuple[object, ...]]:
    """Every version of a customer: runs as numbers."""
    numbers = {run(number): number for number in range(1, RUNS + 1)} | {None: None}
    found = raw.rows(f"select {SPAN} from projects_history where project_key = $1 order by version", key)
    return [(numbers[row["valid_from"]], numbers[row["valid_to"]], *list(row.values())[2:]) for row in found]


@given
def present(raw: Raw) -> None:
    raw.record("evovoice", "1", file(1), 1, 3, "removed", connection="present")
    raw.record("evovoice", "2", file(2), 2, 5, "removed", connection="present")
    raw.record("evovoice", "3", file(3), 7, connection="present")


def test_a_customer_is_listed_as_long_as_one_of_its_files(history: Raw) -> None:
    assert spans(history, "present:c") == [
        (1, 5, "created", "removed", "Quay", []),
        (7, None, "returned", None, "Quay", []),
    ]


@given
def newest(raw: Raw) -> None:
    raw.record("evovoice", "1", file(5, name="Old Quay"), 1, connection="newest")
    raw.record("evovoice", "2", file(9, name="Quay"), 2, 4, "removed", connection="newest")
    raw.record("evovoice", "3", file(7, name="Never heard"), 2, 3, "removed", connection="newest")
    raw.record("evovoice", "4", file(None, name="Undated"), 1, connection="newest")


def test_the_file_created_last_names_the_customer(history: Raw) -> None:
    assert spans(history, "newest:c") == [
        (1, 2, "created", "changed", "Old Quay", []),
        (2, 4, "changed", "changed", "Quay", ["name", "client_key", "client_name"]),
        (4, None, "changed", None, "Old Quay", ["name", "client_key", "client_name"]),
    ]


AT_ONCE = "select name from projects where connection = 'at_once' order by name"


@given
def at_once(raw: Raw) -> None:
    raw.record("evovoice", "b", file(1, name="B"), connection="at_once")
    raw.record("evovoice", "a", file(1, name="A"), connection="at_once")
    raw.record("evovoice", "x", file(None, customer="undated", name="X"), connection="at_once")
    raw.record("evovoice", "y", file(None, customer="undated", name="Y"), connection="at_once")


def test_the_greatest_id_of_files_created_at_the_same_time_names_the_customer(history: Raw) -> None:
    assert [row["name"] for row in history.rows(AT_ONCE)] == ["B", "Y"]


@given
def renamed(raw: Raw) -> None:
    raw.record("evovoice", "1", file(1, name="Quay"), 1, 4, connection="renamed")
    raw.record("evovoice", "1", file(1, name="Quay & Sons"), 4, connection="renamed")
    raw.record("evovoice", "2", file(2, name="Quay"), 1, 6, connection="renamed")
    raw.record("evovoice", "2", file(2, name="Quay & Sons"), 6, connection="renamed")


def test_a_rename_of_the_customer_comes_with_its_newest_file(history: Raw) -> None:
    assert spans(history, "renamed:c") == [
        (1, 6, "created", "changed", "Quay", []),
        (6, None, "changed", None, "Quay & Sons", ["name", "client_key", "client_name"]),
    ]


@given
def moved(raw: Raw) -> None:
    raw.record("evovoice", "1", file(customer="c"), 1, 3, connection="moved")
    raw.record("evovoice", "1", file(customer="d"), 3, connection="moved")


def test_a_file_that_moves_to_another_customer_ends_the_first(history: Raw) -> None:
    assert spans(history, "moved:c") == [(1, 3, "created", "removed", "Quay", [])]
    assert spans(history, "moved:d") == [(3, None, "created", None, "Quay", [])]


FILES_WITHOUT = "select file_id, customer_id, project_key from files where connection = 'without' order by 1"


@given
def without(raw: Raw) -> None:
    raw.record(
        "evovoice",
        "1",
        {"id": "1", "customerId": "", "accountId": "a", "accountName": "Harbour"},
        connection="without",
    )
    raw.record("evovoice", "2", {"id": "2", "customerId": None, "accountId": ""}, connection="without")


def test_files_without_a_customer_belong_to_their_account(history: Raw) -> None:
    assert history.rows(
        "select project_key, project_id, kind, name, client_id, client_name, owner_id, owner_name "
        "from projects where connection = 'without'"
    ) == [
        {
            "project_key": "without:a",
            "project_id": "a",
            "kind": "account",
            "name": "Harbour",
            "client_id": None,
            "client_name": None,
            "owner_id": "a",
            "owner_name": "Harbour",
        }
    ]
    assert history.rows(FILES_WITHOUT) == [
        {"file_id": "1", "customer_id": "", "project_key": "without:a"},
        {"file_id": "2", "customer_id": None, "project_key": None},
    ]


TOP, MIDDLE, OWN = {"id": "t", "name": "Top"}, {"id": "m", "name": "Middle"}, {"id": "c", "name": "Quay"}


BREADCRUMBS: dict[str, tuple[object, str | None, str | None]] = {
    "downward": ([TOP, MIDDLE, OWN], "m", "Top / Middle / Quay"),
    "upward": ([OWN, MIDDLE, TOP], "m", "Top / Middle / Quay"),
    "two": ([TOP, OWN], "t", "Top / Quay"),
    "only itself": ([OWN], None, "Quay"),
    "empty": ([], None, "Quay"),
    "only another": ([TOP], "t", "Top / Quay"),
    # It is not known which of the others is directly above the customer.
    "without itself": ([TOP, MIDDLE], None, None),
    "in the middle": ([TOP, OWN, MIDDLE], None, None),
    "nameless": ([{"id": "t"}, OWN], "t", "t / Quay"),
    "documented": ([{"Id": "t", "Name": "Top"}, {"Id": "c", "Name": "Quay"}], "t", "Top / Quay"),
    "none": (None, None, None),
}


@given
def parents(raw: Raw) -> None:
    for case, (breadcrumb, _, _) in BREADCRUMBS.items():
        raw.record("evovoice", "1", file(customerBreadcrumb=breadcrumb), connection=case)


def test_the_parent_is_the_customer_directly_above(history: Raw) -> None:
    found = history.rows(
        "select connection, parent_key, path from projects where list_contains($1, connection)",
        [*BREADCRUMBS],
    )
    assert {row["connection"]: (row["parent_key"], row["path"]) for row in found} == {
        case: (parent and f"{case}:{parent}", path) for case, (_, parent, path) in BREADCRUMBS.items()
    }


@given
def seen(raw: Raw) -> None:
    raw.record("evovoice", "1", file(1), connection="seen")
    raw.record("evovoice", "2", file(2), connection="seen")
    raw.record("evovoice", "3", file(3), 1, 2, "removed", connection="seen")
    raw.db.execute(
        "update raw.records set last_seen_at = $1 where record_id = '2' and connection = 'seen'", [run(4)]
    )
    raw.db.execute(
        "update raw.records set last_seen_at = $1 where record_id = '1' and connection = 'seen'", [run(3)]
    )
    raw.db.execute(
        "update raw.records set last_seen_at = $1 where record_id = '3' and connection = 'seen'", [run(9)]
    )


def test_a_customer_was_last_seen_with_any_file_now_listed(history: Raw) -> None:
    assert history.project("seen:c")["last_seen_at"] == run(4)


class FileVersion(NamedTuple):
    """A version of a file, by numbers of runs and days."""

    file_id: str
    begun: int
    ended: int | None
    created: int | None
    name: str


def drawn_versions(chance: random.Random) -> list[FileVersion]:
    """Versions of one customer's files, which are created, changed, removed and returned at random."""
    versions = []
    for file_id in "abcde"[: chance.randint(1, 5)]:
        created = chance.choice((None, 1, 2, 3))
        cuts = sorted(chance.sample(range(1, RUNS + 1), chance.randint(1, 5)))
        for begun, ended in zip(cuts, [*cuts[1:], None], strict=True):
            if chance.random() < 0.7:
                versions.append(FileVersion(file_id, begun, ended, created, chance.choice(("Quay", "Mole"))))
    return versions


def named_in(versions: list[FileVersion], number: int) -> str | None:
    """The name of the customer in a run; None if it is not listed."""
    there = [one for one in versions if one.begun <= number and (one.ended is None or number < one.ended)]
    return max(there, key=lambda one: (one.created or 0, one.file_id)).name if there else None


_CHANCE = random.Random(20261101)
CUSTOMERS = {f"c{number}": drawn_versions(_CHANCE) for number in range(100)}


@given
def drawn(raw: Raw) -> None:
    for customer, versions in CUSTOMERS.items():
        for one in versions:
            payload = file(one.created, customer, one.name)
            raw.record(
                "evovoice", f"{customer} {one.file_id}", payload, one.begun, one.ended, connection="drawn"
            )


def test_customers_follow_their_files_in_every_run(history: Raw) -> None:
    found = history.rows(
        "select project_id, name, valid_from, valid_to from projects_history "
        "where connection = 'drawn' order by all"
    )

    def found_in(customer: str, number: int) -> list[str | None]:
        moment = datetime(2026, 11, 1, 2, tzinfo=UTC) + timedelta(days=number - 1)
        return [
            row["name"]
            for row in found
            if row["project_id"] == customer
            and row["valid_from"] <= moment
            and (row["valid_to"] is None or moment < row["valid_to"])
        ]

    for customer, versions in CUSTOMERS.items():
        expected = [named_in(versions, number) for number in range(1, RUNS + 1)]
        assert [found_in(customer, number) for number in range(1, RUNS + 1)] == [
            [] if name is None else [name] for name in expected
        ]


@given
def oldest(raw: Raw) -> None:
    raw.record("evovoice", "1", file(5), 1, 3, "removed", connection="oldest")
    raw.record("evovoice", "2", file(7), 1, connection="oldest")
    raw.record("evovoice", "3", file(2), 4, connection="oldest")
    raw.record("evovoice", "4", file(9), 5, connection="oldest")


def test_a_customer_is_as_old_as_the_earliest_file_ever_listed(history: Raw) -> None:
    rows = history.rows(
        "select version, created_at from projects_history where connection = 'oldest' order by version"
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, datetime(2026, 10, 5, tzinfo=UTC)),
        (2, datetime(2026, 10, 2, tzinfo=UTC)),
    ]


def test_a_time_of_year_1_is_null_and_not_reported(raw: Raw) -> None:
    raw.record("evovoice", "1", {"id": "1", "accountId": "a", "dateCreated": "0001-01-01T00:00:00"})
    raw.build()
    assert raw.rows("select created_at from files") == [{"created_at": None}]
    for check in ("values_kept_as_text", "times_without_a_time_zone"):
        assert raw.rows(raw.check(check).sql) == []
