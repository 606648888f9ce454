"""EvoVoice's projects are the customers of its files: there while a file is, as the newest file says."""

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.models.raw import RUNS, Raw, run

SPAN = "valid_from, valid_to, change, end_reason, name, changed_columns"


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


def test_a_customer_is_there_while_a_file_of_it_is(raw: Raw) -> None:
    raw.record("evovoice", "1", file(1), 1, 3, "removed")
    raw.record("evovoice", "2", file(2), 2, 5, "removed")
    raw.record("evovoice", "3", file(3), 7)
    raw.build()
    assert spans(raw) == [
        (1, 5, "created", "removed", "Quay", []),
        (7, None, "returned", None, "Quay", []),
    ]


def test_the_file_created_last_names_the_customer(raw: Raw) -> None:
    raw.record("evovoice", "1", file(5, name="Old Quay"), 1)
    raw.record("evovoice", "2", file(9, name="Quay"), 2, 4, "removed")
    raw.record("evovoice", "3", file(7, name="Never heard"), 2, 3, "removed")
    raw.record("evovoice", "4", file(None, name="Undated"), 1)
    raw.build()
    assert spans(raw) == [
        (1, 2, "created", "changed", "Old Quay", []),
        (2, 4, "changed", "changed", "Quay", ["name", "client_key", "client_name"]),
        (4, None, "changed", None, "Old Quay", ["name", "client_key", "client_name"]),
    ]


def test_of_files_created_at_once_the_greatest_id_names_the_customer(raw: Raw) -> None:
    raw.record("evovoice", "b", file(1, name="B"))
    raw.record("evovoice", "a", file(1, name="A"))
    raw.record("evovoice", "x", file(None, customer="undated", name="X"))
    raw.record("evovoice", "y", file(None, customer="undated", name="Y"))
    raw.build()
    assert [row["name"] for row in raw.rows("select name from projects order by name")] == ["B", "Y"]


def test_a_rename_of_the_customer_comes_with_its_newest_file(raw: Raw) -> None:
    raw.record("evovoice", "1", file(1, name="Quay"), 1, 4)
    raw.record("evovoice", "1", file(1, name="Quay & Sons"), 4)
    raw.record("evovoice", "2", file(2, name="Quay"), 1, 6)
    raw.record("evovoice", "2", file(2, name="Quay & Sons"), 6)
    raw.build()
    assert spans(raw) == [
        (1, 6, "created", "changed", "Quay", []),
        (6, None, "changed", None, "Quay & Sons", ["name", "client_key", "client_name"]),
    ]


def test_a_file_that_moves_to_another_customer_ends_the_first(raw: Raw) -> None:
    raw.record("evovoice", "1", file(customer="c"), 1, 3)
    raw.record("evovoice", "1", file(customer="d"), 3)
    raw.build()
    assert spans(raw) == [(1, 3, "created", "removed", "Quay", [])]
    assert spans(raw, "evovoice:d") == [(3, None, "created", None, "Quay", [])]


def test_files_without_a_customer_belong_to_their_account(raw: Raw) -> None:
    raw.record("evovoice", "1", {"id": "1", "customerId": "", "accountId": "a", "accountName": "Harbour"})
    raw.record("evovoice", "2", {"id": "2", "customerId": None, "accountId": ""})
    raw.build()
    assert raw.rows(
        "select project_key, project_id, kind, name, client_id, client_name, owner_id, owner_name "
        "from projects"
    ) == [
        {
            "project_key": "evovoice:a",
            "project_id": "a",
            "kind": "account",
            "name": "Harbour",
            "client_id": None,
            "client_name": None,
            "owner_id": "a",
            "owner_name": "Harbour",
        }
    ]
    assert raw.rows("select file_id, customer_id, project_key from files") == [
        {"file_id": "1", "customer_id": "", "project_key": "evovoice:a"},
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
    # Which of the others is next to the customer is not known.
    "without itself": ([TOP, MIDDLE], None, None),
    "in the middle": ([TOP, OWN, MIDDLE], None, None),
    "nameless": ([{"id": "t"}, OWN], "t", "t / Quay"),
    "documented": ([{"Id": "t", "Name": "Top"}, {"Id": "c", "Name": "Quay"}], "t", "Top / Quay"),
    "none": (None, None, None),
}


def test_the_parent_is_next_to_the_customer(raw: Raw) -> None:
    for case, (breadcrumb, _, _) in BREADCRUMBS.items():
        raw.record("evovoice", "1", file(customerBreadcrumb=breadcrumb), connection=case)
    raw.build()
    found = raw.rows("select connection, parent_key, path from projects")
    assert {row["connection"]: (row["parent_key"], row["path"]) for row in found} == {
        case: (parent and f"{case}:{parent}", path) for case, (_, parent, path) in BREADCRUMBS.items()
    }


def test_a_customer_was_last_seen_with_any_file_now_listed(raw: Raw) -> None:
    raw.record("evovoice", "1", file(1))
    raw.record("evovoice", "2", file(2))
    raw.record("evovoice", "3", file(3), 1, 2, "removed")
    raw.connection.execute("update raw.records set last_seen_at = $1 where record_id = '2'", [run(4)])
    raw.connection.execute("update raw.records set last_seen_at = $1 where record_id = '1'", [run(3)])
    raw.connection.execute("update raw.records set last_seen_at = $1 where record_id = '3'", [run(9)])
    raw.build()
    assert raw.project("evovoice:c")["last_seen_at"] == run(4)


class FileVersion(NamedTuple):
    """A version of a file, by numbers of runs and days."""

    file_id: str
    begun: int
    ended: int | None
    created: int | None
    name: str


def drawn_versions(chance: random.Random) -> list[FileVersion]:
    """Versions of one customer's files: they come, change, go and return as they like."""
    versions = []
    for file_id in "abcde"[: chance.randint(1, 5)]:
        created = chance.choice((None, 1, 2, 3))
        cuts = sorted(chance.sample(range(1, RUNS + 1), chance.randint(1, 5)))
        for begun, ended in zip(cuts, [*cuts[1:], None], strict=True):
            if chance.random() < 0.7:
                versions.append(FileVersion(file_id, begun, ended, created, chance.choice(("Quay", "Mole"))))
    return versions


def named_in(versions: list[FileVersion], number: int) -> str | None:
    """What the customer is called in a run; None where it is not there."""
    there = [one for one in versions if one.begun <= number and (one.ended is None or number < one.ended)]
    return max(there, key=lambda one: (one.created or 0, one.file_id)).name if there else None


def test_customers_are_as_their_files_say_run_by_run(raw: Raw) -> None:
    chance = random.Random(20261101)
    customers = {f"c{number}": drawn_versions(chance) for number in range(100)}
    for customer, versions in customers.items():
        for one in versions:
            payload = file(one.created, customer, one.name)
            raw.record("evovoice", f"{customer} {one.file_id}", payload, one.begun, one.ended)
    raw.build()
    found = raw.rows("select project_id, name, valid_from, valid_to from projects_history order by all")

    def found_in(customer: str, number: int) -> list[str | None]:
        moment = datetime(2026, 11, 1, 2, tzinfo=UTC) + timedelta(days=number - 1)
        return [
            row["name"]
            for row in found
            if row["project_id"] == customer
            and row["valid_from"] <= moment
            and (row["valid_to"] is None or moment < row["valid_to"])
        ]

    for customer, versions in customers.items():
        expected = [named_in(versions, number) for number in range(1, RUNS + 1)]
        assert [found_in(customer, number) for number in range(1, RUNS + 1)] == [
            [] if name is None else [name] for name in expected
        ]


def test_a_customer_is_as_old_as_the_earliest_file_ever_listed(raw: Raw) -> None:
    raw.record("evovoice", "1", file(5), 1, 3, "removed")
    raw.record("evovoice", "2", file(7), 1)
    raw.record("evovoice", "3", file(2), 4)
    raw.record("evovoice", "4", file(9), 5)
    raw.build()
    rows = raw.rows("select version, created_at from projects_history order by version")
    assert [tuple(row.values()) for row in rows] == [
        (1, datetime(2026, 10, 5, tzinfo=UTC)),
        (2, datetime(2026, 10, 2, tzinfo=UTC)),
    ]


def test_a_time_that_is_not_set_is_none_and_no_finding(raw: Raw) -> None:
    raw.record("evovoice", "1", {"id": "1", "accountId": "a", "dateCreated": "0001-01-01T00:00:00"})
    raw.build()
    assert raw.rows("select created_at from files") == [{"created_at": None}]
    for check in ("values_kept_as_text", "times_without_a_time_zone"):
        assert raw.rows(raw.check(check).sql) == []
