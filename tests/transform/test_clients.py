"""Clients over all providers: spellings of one client are joined."""

from pathlib import Path

import pytest

from pipelines.common.errors import ConfigurationError
from tests.transform.raw import RUNS, Raw, run

HEAD = "connection,client,name\n"


def clients(
    raw: Raw, columns: str = "client_key, name, spellings, providers, projects"
) -> list[tuple[object, ...]]:
    """Those columns of every client."""
    return [tuple(row.values()) for row in raw.rows(f"select {columns} from clients order by client_key")]


def test_case_white_space_and_composition_make_no_other_client(raw: Raw) -> None:
    raw.record("matter", "1", {"clientName": "Caf\u00e9 Quay"})
    raw.record("matter", "2", {"clientName": " cafe\u0301\u00a0 QUAY"})
    raw.record("rillsoft", "3", {"customer": "Caf\u00e9 Quay"}, scope="7")
    raw.record("evovoice", "f", {"id": "f", "customerId": "c", "customerName": "Caf\u00e9\nquay"})
    raw.record("rillsoft", "4", {"customer": " "}, scope="7")
    raw.record("belltastic", "5", {"name": "Bells"})
    raw.build()
    ((key, name, spellings, providers, projects),) = clients(raw)
    assert (key, name, projects) == ("caf\u00e9 quay", "Caf\u00e9 Quay", 4)
    assert providers == ["evovoice", "matter", "rillsoft"]
    assert isinstance(spellings, list)
    assert set(spellings) == {"Caf\u00e9 Quay", " cafe\u0301\u00a0 QUAY", "Caf\u00e9\nquay"}


def test_a_mapping_joins_spellings_of_a_connection_under_one_name(raw: Raw) -> None:
    (raw.home / "client_mapping.csv").write_text(
        HEAD + "matter,ACME inc.,ACME Group\nrillsoft,Acme,Elsewhere\nrillsoft,acme,ACME Group\n"
    )
    raw.record("matter", "1", {"clientName": "Acme  Inc."})
    raw.record("rillsoft", "2", {"customer": "ACME"}, scope="7")
    raw.record("evovoice", "f", {"id": "f", "customerId": "c", "customerName": "Acme"})
    raw.build()
    assert clients(raw) == [
        ("acme", "Acme", ["Acme"], ["evovoice"], 1),
        ("acme group", "ACME Group", ["ACME", "Acme  Inc."], ["matter", "rillsoft"], 2),
    ]
    assert raw.rows(
        "select project_key, client_name from projects where client_key = 'acme group' order by all"
    ) == [
        {"project_key": "matter:1", "client_name": "Acme  Inc."},
        {"project_key": "rillsoft:7:2", "client_name": "ACME"},
    ]
    assert raw.rows("select connection, client from client_mapping") == [
        {"connection": "matter", "client": "ACME inc."},
        {"connection": "rillsoft", "client": "acme"},
    ]


def test_the_name_is_the_spelling_of_most_listed_projects(raw: Raw) -> None:
    for number in (1, 2, 3):
        raw.record("matter", str(number), {"clientName": "QUAY"}, 1, 2, "removed")
    raw.record("matter", "4", {"clientName": "Quay"})
    raw.build()
    assert clients(raw, "name, projects") == [("Quay", 1)]


def test_a_client_was_last_seen_by_the_last_run_that_listed_a_project_for_it(raw: Raw) -> None:
    raw.record("matter", "1", {"clientName": "Gone"}, 2, 5, "removed")
    raw.record("matter", "2", {"clientName": "Left", "projectStatus": "PRJ_STATUS_ON_GOING"}, 1, 4)
    raw.record("matter", "2", {"clientName": "Kept", "projectStatus": "PRJ_STATUS_ON_GOING"}, 4)
    raw.build()
    assert clients(raw, "name, projects, open_projects, first_seen_at, last_seen_at") == [
        ("Gone", 0, 0, run(2), run(4)),
        ("Kept", 1, 1, run(4), run(RUNS)),
        ("Left", 0, 0, run(1), run(3)),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD + "matter,Acme,\n", "line 2 has an empty name"),
        (HEAD + "matter,Acme\n", "line 2 has fewer than 3 values"),
        ("connection,name\nmatter,Acme\n", "has no column client"),
    ],
)
def test_a_wrong_mapping_is_named_with_its_line(raw: Raw, text: str, reason: str) -> None:
    path: Path = raw.home / "client_mapping.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        raw.build()
    assert str(path) in refused.value.reason
    assert reason in refused.value.reason


def test_probable_duplicates_can_be_pasted_into_the_mapping(raw: Raw) -> None:
    for number, name in enumerate(
        ("Harbour Group", "Harbour Group", "Harbour Group", "Harbor Group", "harbor group ", "Hill Group")
    ):
        raw.record("matter", str(number), {"clientName": name})
    raw.record("rillsoft", "9", {"customer": "Harbour Grp"}, scope="7")
    raw.build()
    columns = "connection, client, name, similarity, projects"
    found = raw.db.execute(f"select {columns} from client_duplicates(0.9)").fetchall()
    assert found == [
        ("rillsoft", "Harbour Grp", "Harbour Group", 0.969, 1),
        ("matter", "Harbor Group", "Harbour Group", 0.935, 1),
        ("matter", "harbor group ", "Harbour Group", 0.935, 1),
    ]
    (raw.home / "client_mapping.csv").write_text(
        "".join([HEAD, *(f"{connection},{client},{name}\n" for connection, client, name, *_ in found)])
    )
    raw.build()
    assert clients(raw, "name, projects") == [("Harbour Group", 6), ("Hill Group", 1)]
    assert raw.rows("from client_duplicates(0.9)") == []
