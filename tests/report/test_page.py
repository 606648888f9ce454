"""The report is safe whatever a provider names its projects, asks nothing of any server, and says what is."""

import base64
import hashlib
import re
from pathlib import Path

import duckdb
import pytest

from pipelines.commands.report import catalogue, periods
from tests.models.raw import RUNS, run

from .conftest import HOSTILE, HOSTILE_CLIENT, HOSTILE_MESSAGE, Cli
from .html import Parsed

TAGS = """
    a b bdi body button code details div figcaption figure footer form h1 h2 h3 h4 head header html i input
    label li line link main meta nav option p path pre rect script section select span strong style
    summary svg table tbody td text tfoot th thead time title tr ul
"""


@pytest.fixture(scope="session")
def parsed(page: str) -> Parsed:
    return Parsed(page)


def asked(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def decoded(parsed: Parsed) -> dict[str, list[tuple[object, ...]]]:
    """The changes of each project as the page's script reads them."""
    found = parsed.catalogue()["catalogue"]
    projects, changes = found["projects"], found["changes"]
    told: dict[str, list[tuple[object, ...]]] = {}
    place = 0
    for n, key in enumerate(projects["key"]):
        connection, _ = found["connections"][projects["connection"][n]]
        lines = told[f"{connection}:{key}"] = []
        for _ in range(projects["changes"][n]):
            of_column = [None, *found["columns"]][changes["column"][place] + 1]
            old, new = ([None, *found["texts"]][changes[side][place] + 1] for side in ("old", "new"))
            kind = found["kinds"][changes["kind"][place]]
            lines.append((found["runs"][changes["run"][place]], kind, of_column, old, new))
            place += 1
    assert place == len(changes["run"])
    return told


def test_values_from_providers_are_escaped(parsed: Parsed) -> None:
    assert {element.tag for element in parsed.elements} <= set(TAGS.split())
    names = {name for element in parsed.elements for name in element.attributes}
    assert [name for name in names if name.startswith("on") or name == "style"] == []
    assert [element.attributes for element in parsed.all("script")] == [
        {"type": "application/json", "id": "catalogue"},
        {},
    ]
    shown = [element.text for element in parsed.all("bdi")]
    assert {HOSTILE, HOSTILE_MESSAGE, "bell<i>tastic"} <= set(shown)
    assert HOSTILE in parsed.catalogue()["catalogue"]["projects"]["name"]
    assert HOSTILE_CLIENT in parsed.catalogue()["catalogue"]["projects"]["client"]


def test_only_its_own_script_and_style_may_run(parsed: Parsed, page: str) -> None:
    (policy,) = parsed.all("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in policy.attributes["content"].split(";"))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "script-src": hashed(script),
        "style-src": hashed(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_the_page_loads_nothing_from_elsewhere(parsed: Parsed, page: str) -> None:
    links = {
        value
        for element in parsed.elements
        for name, value in element.attributes.items()
        if name in {"href", "src", "srcset", "action", "data", "poster", "xlink:href"}
    }
    assert {link for link in links if not link.startswith("#")} == {"data:,"}
    assert re.findall(r"https?:|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|import\(", page) == []


def test_the_same_warehouse_gives_the_same_bytes(cli: Cli, page: str) -> None:
    assert cli.page() == page


def test_projects_by_provider_and_status(parsed: Parsed, warehouse: Path) -> None:
    found = asked(warehouse, "select provider, status, count(*) from projects group by all")
    tables = parsed.all("table", class_="numbers")
    heading, *rows, sums = tables[1].cells
    shown = {
        (row[0].lower(), status.lower()): int(number)
        for row in rows
        for status, number in zip(heading[1:-1], row[1:-1], strict=True)
        if number != "0"
    }
    assert shown == {(provider, status): number for provider, status, number in found}
    assert sums[-1] == str(sum(int(row[-1]) for row in rows)) == "7"
    assert sums[1:-1] == [
        str(sum(n for (_, of), n in shown.items() if of == s.lower())) for s in heading[1:-1]
    ]


@pytest.mark.parametrize(("by", "place"), [("provider", 2), ("status", 3)])
def test_projects_over_the_runs(parsed: Parsed, warehouse: Path, by: str, place: int) -> None:
    heading, *rows = parsed.all("table", class_="numbers")[place].cells
    found = asked(
        warehouse,
        " union all ".join(
            f"select {number}, {by}, count(*) from projects_as_of('{run(number)}') group by all"
            for number in range(1, RUNS + 1)
        ),
    )
    for number, row in zip(range(RUNS, 0, -1), rows, strict=True):
        assert row[0] == f"{run(number).day} Nov 2026, 02:00"
        shown = dict(zip(heading[1:-1], map(int, row[1:-1]), strict=True))
        assert {name.lower(): n for name, n in shown.items() if n} == {
            name: projects for at, name, projects in found if at == number
        }
        assert int(row[-1]) == sum(shown.values())


def test_the_page_lists_the_changes_of_the_last_run(parsed: Parsed, warehouse: Path) -> None:
    heading, *rows = parsed.all("table", class_="numbers")[0].cells
    assert heading == ["Period", "New", "Changed", "Gone", "Returned"]
    for row, since in zip(rows, ("2026-11-09 02:00", "2026-11-03", "2026-10-11"), strict=True):
        found = dict(
            asked(
                warehouse,
                "select change, count(distinct project_key) from project_changes "
                f"where changed_at >= '{since}' and not is_minor group by change",
            )
        )
        kinds = ("created", "changed", "removed", "returned")
        assert row[1:] == [str(found.get(kind, 0)) for kind in kinds]
    assert [row[0] for row in rows] == [
        "Last run of each connection",
        "Last 7 days",
        "Since 11 October 2026",
    ]
    assert rows[1][1:] == ["1", "1", "2", "1"]
    assert "Of the new ones, 8 since 11 October 2026 came with the first listing of their connection." in (
        parsed.all("p", class_="note")[0].text
    )


def test_the_chosen_period(cli: Cli) -> None:
    for since, title, gone in (
        ("2026-11-02", "Since 2 November 2026", "3"),
        ("4d", "Since 5 Nov 2026, 02:00", "1"),
    ):
        _, *rows = Parsed(cli.page("--since", since)).all("table", class_="numbers")[0].cells
        assert (rows[2][0], rows[2][3]) == (title, gone)


def test_a_page_without_changes_says_so(cli: Cli) -> None:
    parsed = Parsed(cli.page("--since", "2027-01-01"))
    assert "Nothing changed since 1 January 2027." in [p.text for p in parsed.all("p", class_="empty")]


def test_a_quiet_run(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as connection:
        connection.execute(
            "delete from project_changes where changed_at = (select max(started_at) from runs)"
        )
    parsed = Parsed(own.page())
    assert (
        next(p.text for p in parsed.all("p", class_="empty"))
        == "Nothing changed in the last run of any connection."
    )
    assert parsed.all("p", class_="lead")[0].text.endswith(
        "In the last run of each connection: nothing changed."
    )


def test_a_warehouse_without_projects_has_a_page(empty: Cli) -> None:
    parsed = Parsed(empty.page())
    assert parsed.all("p", class_="lead")[0].text.startswith("0 projects are listed by 4 connections.")
    assert parsed.catalogue()["catalogue"]["projects"]["key"] == []
    assert [row[-1] for row in parsed.all("table", class_="numbers")[1].cells[1:]] == ["0"] * 5


def test_the_changes_are_summed_up_in_words(parsed: Parsed) -> None:
    last = parsed.all("details")[2].text
    assert "Last run of each connection 1 new, 1 changed, 1 gone, 1 returned" in last
    assert f"{HOSTILE} Matter" in last
    assert "Old mill Matter, 9 Nov 2026, 02:00" in parsed.all("details")[3].text
    assert "Status Active → Completed" in last
    assert "Old mill" in last
    assert "Updated at" not in last  # it changes with whatever else does
    assert "Name Harbour →" in parsed.all("details")[3].text
    assert "m5" in parsed.all("details")[4].text  # by its key, for it has no name


def test_connections_that_are_not_up_to_date_come_first(parsed: Parsed) -> None:
    (stale,) = parsed.all("div", class_="notice bad")
    assert stale.text == (
        "3 connections are not up to date "
        "bell<i>tastic was last read in full on 8 Nov 2026, 02:00; its 1 project may have changed since. "
        f"Why: {HOSTILE_MESSAGE} "
        "newcomer has never been read in full. "
        "rill;soft was last read in full on 8 Nov 2026, 02:00; its 3 projects may have changed since."
    )
    (held_back,) = parsed.all("div", class_="notice warn")
    assert held_back.text.startswith("7 removals held back at rill;soft")
    assert held_back.text.endswith("rollcall sync 'rill;soft' --accept-removals 'rill;soft=7'")
    (quarantined,) = parsed.all("p", class_="notice warn")
    assert quarantined.text == "bell<i>tastic sent 2 records that could not be read and are not shown here."
    assert parsed.all("p", class_="notice good") == []


def test_slowest_listings(parsed: Parsed) -> None:
    _, slowest = parsed.all("table", class_="list")[:2]
    assert [row[:3] for row in slowest.cells[1:]] == [
        ["matter projects", "1 min 15 s", "2.5 s"],
        ["newcomer projects", "0.2 s", "new"],
        ["bell<i>tastic projects", "under 0.1 s", "under 0.1 s"],
        ["rill;soft 11 projects", "under 0.1 s", "under 0.1 s"],
    ]


def test_every_project_with_its_history(parsed: Parsed, warehouse: Path) -> None:
    found: dict[object, list[tuple[object, ...]]] = {
        key: [] for (key,) in asked(warehouse, "select distinct project_key from projects_history")
    }
    for key, *line in asked(
        warehouse,
        """
        select project_key, epoch_ms(changed_at), change, column_name, old_value, new_value
        from project_changes
        where change <> 'created' and not is_minor
        order by changed_at, change, column_name <> 'name', column_name <> 'status', column_name
        """,
    ):
        found[key].append(tuple(line))
    assert decoded(parsed) == found
    projects = parsed.catalogue()["catalogue"]["projects"]
    names = asked(
        warehouse,
        "select name from projects_history qualify version = max(version) over (partition by project_key)",
    )
    assert sorted(map(str, projects["name"])) == sorted(str(name) for (name,) in names)
    assert len({len(column) for column in projects.values()}) == 1
    gone = {key for key, run in zip(projects["key"], projects["gone"], strict=True) if run != -1}
    assert gone == {"m3", "m5"}


def test_rows_beyond_the_limit_are_counted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_PROJECTS", 8)
    monkeypatch.setattr(catalogue, "MOST_CHANGES", 4)
    parsed = Parsed(cli.page())
    assert "m5" not in parsed.catalogue()["catalogue"]["projects"]["key"]
    told = [line for lines in decoded(parsed).values() for line in lines]
    assert {at for at, *_ in told} == {run(9).timestamp() * 1000}
    notes = [element.text for element in parsed.all("p", class_="note")]
    assert "1 project longest gone is left out here." in notes
    assert any(
        note.endswith("the oldest, are left out of the histories here; rollcall history shows them.")
        for note in notes
    )


def test_long_lists_are_cut_and_say_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "LISTED_PROJECTS", 1)
    monkeypatch.setattr(periods, "LISTED_LINES", 1)
    parsed = Parsed(cli.page())
    notes = [element.text for element in parsed.all("p", class_="note")]
    assert "and 2 more: show all in the table" in notes  # gone, since the date chosen
    assert "and 2 more changes" in [element.text for element in parsed.all("li", class_="meta")]
