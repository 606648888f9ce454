"""The report is safe with any names, requests nothing, and shows what the warehouse contains."""

import base64
import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.commands.report import catalogue, periods
from tests.transform.raw import RUNS, run

from .conftest import HOSTILE, HOSTILE_CLIENT, HOSTILE_MESSAGE, OVERRIDE, Cli
from .html import Element, Parsed

TAGS = """
    a b bdi body br button circle code dd details div dl dt figcaption figure footer form h1 h2 h3 h4 head
    header html i input label li line link main meta nav option p path pre rect script section select small
    span strong style summary svg table tbody td text tfoot th thead time title tr ul
"""
MINUS = "\N{MINUS SIGN}"
MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture(scope="session")
def parsed(page: str) -> Parsed:
    return Parsed(page)


def asked(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'")
        return db.execute(sql).fetchall()


def cards(parsed: Parsed) -> dict[str, dict[str, int]]:
    """The numbers of each period."""
    found = {}
    for card in parsed.all("div", class_="card"):
        title, net, opened, *counts = re.fullmatch(
            r"(.*?) (\S+) projects open projects (\S+) New(\S+) Removed(\S+) Returned(\S+) Changed(\S+)",
            card.text,
        ).groups()
        names = ("net", "open", "new", "removed", "returned", "changed")
        numbers = [int(text.replace(MINUS, "-").replace(",", "")) for text in (net, opened, *counts)]
        found[title] = dict(zip(names, numbers, strict=True))
    return found


def texts(parsed: Parsed, tag: str, class_: str) -> list[str]:
    return [element.text for element in parsed.all(tag, class_=class_)]


def charts(parsed: Parsed) -> list[Element]:
    """The tables of numbers: of the four charts, and of the projects by provider and status."""
    return parsed.all("table", class_="numbers")


def test_markup_in_names_creates_no_elements(parsed: Parsed) -> None:
    assert {element.tag for element in parsed.elements} <= set(TAGS.split())
    names = {name for element in parsed.elements for name in element.attributes}
    assert [name for name in names if name.startswith("on") or name == "style"] == []
    assert [element.attributes for element in parsed.all("script")] == [
        {"type": "application/gzip", "id": "catalogue"},
        {},
    ]
    shown = [element.text for element in parsed.all("bdi")]
    assert {HOSTILE, HOSTILE_CLIENT, HOSTILE_MESSAGE, "bell<i>tastic"} <= set(shown)
    assert HOSTILE in parsed.catalogue()["projects"]["name"]
    assert HOSTILE_CLIENT in parsed.catalogue()["projects"]["client"]


def test_a_control_character_is_shown_as_its_code_point(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("update projects_history set name = $1 where name = 'Ferry'", [OVERRIDE])
    page = own.page()
    assert '<bdi>Invoice <span class="control">U+202E</span>gnp.exe</bdi>' in page
    assert "\u202e" not in page


def test_only_its_own_script_and_style_can_run(parsed: Parsed, page: str) -> None:
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


def test_the_page_refers_to_no_other_host(parsed: Parsed, page: str) -> None:
    links = {
        value
        for element in parsed.elements
        for name, value in element.attributes.items()
        if name in {"href", "src", "srcset", "action", "data", "poster", "xlink:href"}
    }
    assert {link for link in links if not link.startswith("#")} == {"data:,"}
    # The only URL is a link to the domain of a project.
    assert re.findall(r"https?:.{3}|url\(|@import|fetch\(|XMLHttpRequest|WebSocket|import\(", page) == [
        "https://$"
    ]


def test_the_same_warehouse_gives_the_same_bytes(cli: Cli, page: str) -> None:
    assert cli.page() == page


def test_the_open_projects_are_counted(parsed: Parsed, warehouse: Path) -> None:
    ((opened, listed),) = asked(warehouse, "select count(*) filter (where is_open), count(*) from projects")
    assert texts(parsed, "div", "card main") == [
        f"Open projects {opened} of {listed} listed projects, at 4 connections"
    ]


def test_each_period_counts_its_changes(parsed: Parsed) -> None:
    assert cards(parsed) == {
        "Last run": {"net": 1, "open": -1, "new": 1, "removed": 1, "returned": 1, "changed": 1},
        "Last 7 days": {"net": 0, "open": -1, "new": 1, "removed": 1, "returned": 0, "changed": 1},
        "Last 30 days": {"net": -1, "open": 0, "new": 1, "removed": 2, "returned": 0, "changed": 1},
    }
    assert texts(parsed, "p", "note")[0].endswith(
        "9 projects came with the first listing of their connection in the last 30 days and are not counted."
    )


@pytest.mark.parametrize("since", [run(number) for number in (2, 3, 4, 5, 9)])
def test_the_net_change_is_the_difference_of_the_projects_listed(
    cli: Cli, warehouse: Path, since: datetime
) -> None:
    title = f"Since {since.day} Nov 2026, 02:00"
    chosen = cards(Parsed(cli.page("--since", since.isoformat())))[title]
    before = f"projects_as_of('{since - MILLISECOND}')"
    ((was, is_now, was_open, is_open, changed),) = asked(
        warehouse,
        f"""
        select
            (select count(*) from {before}), (select count(*) from projects),
            (select count(*) from {before} where is_open), (select count(*) from projects where is_open),
            (
                select count(distinct project_key) from project_changes
                where change = 'changed' and not is_minor and changed_at >= '{since}'
            )
        """,
    )
    assert (chosen["net"], chosen["open"]) == (is_now - was, is_open - was_open)
    assert chosen["net"] == chosen["new"] + chosen["returned"] - chosen["removed"]
    assert chosen["changed"] == changed


def test_projects_are_counted_by_provider_and_status(parsed: Parsed, warehouse: Path) -> None:
    heading, *rows, sums = charts(parsed)[4].cells
    assert heading[:3] == ["Provider", "Open", "All"]
    shown = {
        (row[0].lower(), status.lower()): int(number)
        for row in rows
        for status, number in zip(heading[3:], row[3:], strict=True)
        if number != "0"
    }
    found = asked(warehouse, "select provider, status, count(*) from projects group by all")
    assert shown == {(provider, status): number for provider, status, number in found}
    opened = dict(asked(warehouse, "select provider, count_if(is_open) from projects group by all"))
    assert [(row[0], row[1]) for row in rows if int(row[1])] == [("Belltastic", str(opened["belltastic"]))]
    assert sums[1:3] == ["2", "8"] == [str(sum(int(row[n]) for row in rows)) for n in (1, 2)]


def test_the_trend_counts_the_changes_of_each_day(parsed: Parsed, warehouse: Path) -> None:
    heading, *rows = charts(parsed)[0].cells
    assert heading == ["Day", "New", "Returned", "Removed"]
    found = asked(
        warehouse,
        "select strftime(day, '%-d %b'), sum(created), sum(returned), sum(removed) from connection_days "
        "group by day order by day desc",
    )
    assert rows == [[day, *map(str, numbers)] for day, *numbers in found]


def test_the_lines_show_the_change_since_the_first_day(parsed: Parsed, warehouse: Path) -> None:
    numbers = {}
    for place in (1, 2):
        heading, *rows = charts(parsed)[place].cells
        for row in rows:
            for name, text in zip(heading[1:], row[1:], strict=True):
                numbers[name.lower().replace(" ", "_"), row[0]] = int(text.replace(MINUS, "-"))
    for number in range(1, RUNS + 1):
        at = f"projects_as_of('{run(number)}')"
        was = f"projects_as_of('{run(1)}')"
        for column, condition in (("provider", "is_open"), ("status", "true")):
            found = asked(
                warehouse,
                f"""
                select {column}, sum(number)::integer from (
                    select {column}, 1 as number from {at} where {condition}
                    union all select {column}, -1 from {was} where {condition}
                ) group by all
                """,
            )
            day = f"{run(number).day} Nov"
            assert {name: numbers[name, day] for name, _ in found} == dict(found)


def test_a_missed_day_is_visible(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("delete from runs where day(started_at) in (4, 5)")
    parsed = Parsed(own.page())
    days = [row[0] for row in charts(parsed)[0].cells[1:]]
    assert [day for day in days if "no run" in day] == ["5 Nov (no run)", "4 Nov (no run)"]
    assert len(parsed.all("rect", class_="missed")) == 4 * 2 + 1  # in each chart, and the key
    assert len(parsed.all("circle", class_="run")) == 4 * 7 + 1


def test_since_sets_the_chosen_period(cli: Cli) -> None:
    for since, title, removed in (
        ("2026-11-02", "Since 2 Nov 2026", 2),
        ("4d", "Since 5 Nov 2026, 02:00", 1),
    ):
        assert cards(Parsed(cli.page("--since", since)))[title]["removed"] == removed


def test_a_report_without_changes_says_so(cli: Cli) -> None:
    parsed = Parsed(cli.page("--since", "2027-01-01"))
    assert texts(parsed, "p", "empty")[0] == "Nothing changed since 1 Jan 2027."


def test_a_quiet_run_opens_the_period_that_was_not(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("update connections set last_attempt_at = last_attempt_at + interval 1 second")
    parsed = Parsed(own.page())
    assert texts(parsed, "p", "empty")[0] == "Nothing changed in the last run of each connection."
    opened = [e.text for e in parsed.all("details") if "open" in e.attributes]
    assert [text.split(" New")[0] for text in opened] == ["Last 7 days 1 new, 1 removed, 1 changed"]


def test_a_warehouse_without_projects_has_a_report(empty: Cli) -> None:
    parsed = Parsed(empty.page())
    assert texts(parsed, "div", "card main") == ["Open projects 0 of 0 listed projects, at 4 connections"]
    assert parsed.catalogue()["projects"]["key"] == []
    assert [row[1] for row in charts(parsed)[4].cells[1:]] == ["0"] * 5
    assert "No project names a client." in texts(parsed, "p", "empty")


def test_changes_are_listed_by_project(parsed: Parsed) -> None:
    last, _, chosen = (e.text for e in parsed.all("details") if e.text.startswith(("Last", "Since")))
    assert last == (
        "Last run 1 new, 1 removed, 1 returned, 1 changed "
        "New 1 Mühle Œuvre Matter Removed 1 Old mill Matter Returned 1 Ferry Matter "
        f"Changed 1 {HOSTILE} {HOSTILE_CLIENT} · Matter Status Active → Completed"
    )
    assert "Removed 2 Old mill Matter · 9 Nov 2026 matter:m5 Matter · 2 Nov 2026" in chosen
    # The most important changes come first. What a new status explains is left out.
    assert chosen.endswith(f"Status Active → CompletedName Harbour → {HOSTILE}")


def test_names_are_in_natural_order(parsed: Parsed) -> None:
    names = [HOSTILE, "Bridge 2", "Bridge 8", "Bridge 28", "Chimes", "Ferry", OVERRIDE]
    assert parsed.catalogue()["projects"]["name"] == [*names, "Mühle Œuvre", "Old mill", None]


def test_every_provider_gets_its_part_of_a_list(own: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("update project_changes set is_first_listing = false")
    monkeypatch.setattr(periods, "LISTED_PROJECTS", 3)
    chosen = Parsed(own.page()).all("details")[-1].text
    assert (
        "New 10 Bridge 2 rill;soft · 1 Nov 2026 Chimes bell<i>tastic · 1 Nov 2026 "
        "Mühle Œuvre Matter · 9 Nov 2026 Show all 10"
    ) in chosen


def test_each_client_is_listed_with_its_projects(parsed: Parsed, warehouse: Path) -> None:
    (table,) = parsed.all("table", id="client-table")
    assert table.cells == [
        ["Client", "Providers", "Open", "Listed", "New", "Removed", "Returned", "Changed"],
        [HOSTILE_CLIENT, "Matter", "0", "1", "0", "0", "0", "1"],
    ]
    assert asked(warehouse, "select name, open_projects, projects from clients") == [(HOSTILE_CLIENT, 0, 1)]


def test_stale_connections_come_first(parsed: Parsed) -> None:
    assert texts(parsed, "div", "notice bad") == [
        "3 connections are not up to date "
        "bell<i>tastic: 2 projects, last verified on 8 Nov 2026, 02:00 "
        "newcomer: never verified "
        "rill;soft: 3 projects, last verified on 8 Nov 2026, 02:00 "
        "Why, and what to do"
    ]
    assert texts(parsed, "p", "notice warn") == [
        "7 removals are held back at rill;soft: what is missing from its last listing stays listed here "
        "until the operator accepts it."
    ]
    assert texts(parsed, "p", "notice good") == []


def test_a_listing_through_a_window_is_not_called_full(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("delete from connections where connection <> 'matter'")
        db.execute("update connections set last_full_at = last_full_at - interval 6 days")
    assert texts(Parsed(own.page()), "p", "notice good") == [
        "All 1 connection is up to date: verified on 9 Nov 2026, 02:00 or later. "
        "The last full listing of Matter was on 3 Nov 2026, 02:00."
    ]


def test_the_operator_sees_what_to_do_with_the_commands(parsed: Parsed) -> None:
    assert texts(parsed, "div", "todo") == [
        f"bell<i>tastic is not up to date. Its last attempt: {HOSTILE_MESSAGE} rollcall sync 'bell<i>tastic'",
        "newcomer is not up to date. rollcall sync newcomer",
        "rill;soft: 7 removals are held back, because too many records were missing at once. If they are "
        "really gone, accept exactly this number: rollcall sync 'rill;soft' --accept-removals 'rill;soft=7'",
        "bell<i>tastic sent 2 records that could not be read. The page does not show them. "
        'rollcall query "from quarantine"',
    ]
    connections, slowest = parsed.all("table", class_="list")[-2:]
    assert [row[0::3] for row in connections.cells[1:]] == [
        ["bell<i>tastic", "Failed, 9 Nov 2026, 02:00", "1"],
        ["matter", "Verified, 9 Nov 2026, 02:00", "1"],
        ["newcomer", "Unverified, 9 Nov 2026, 02:00", "1"],
        ["rill;soft", "Held back, 9 Nov 2026, 02:00", "1"],
    ]
    assert [row[:3] for row in slowest.cells[1:]] == [
        ["matter projects", "1 min 15 s", "2.5 s"],
        ["newcomer projects", "0.2 s", "new"],
        ["bell<i>tastic projects", "under 0.1 s", "under 0.1 s"],
        ["rill;soft 11 projects", "under 0.1 s", "under 0.1 s"],
    ]


def decoded(parsed: Parsed) -> dict[str, list[tuple[object, ...]]]:
    """The changes of each project, as the page's script reads them."""
    found = parsed.catalogue()
    changes = list(zip(*found["changes"].values(), strict=True))
    read, begin = {}, 0
    for key, connection, count in zip(
        *(found["projects"][c] for c in ("key", "connection", "changes")), strict=True
    ):
        read[f"{connection}:{key}"] = changes[begin : begin + count]
        begin += count
    assert begin == len(changes)
    return read


def test_every_project_is_listed_with_its_history(parsed: Parsed, warehouse: Path) -> None:
    found: dict[object, list[tuple[object, ...]]] = {
        key: [] for (key,) in asked(warehouse, "select distinct project_key from projects_history")
    }
    for key, *line in asked(
        warehouse,
        """
        select project_key, epoch_ms(changed_at), change, column_name, old_value, new_value
        from project_changes
        where change <> 'created' and not is_minor
        order by changed_at, change, column_name <> 'status', column_name <> 'name', column_name
        """,
    ):
        found[key].append(tuple(line))
    assert decoded(parsed) == found
    projects = parsed.catalogue()["projects"]
    assert len({len(column) for column in projects.values()}) == 1
    gone = {key for key, at in zip(projects["key"], projects["gone"], strict=True) if at}
    assert gone == {"m3", "m5"}


def test_every_project_has_its_fields(parsed: Parsed, warehouse: Path) -> None:
    projects, fields = (parsed.catalogue()[name] for name in ("projects", "fields"))
    assert set(fields) == {"provider_status", "status_since", "updated_at", "last_activity_at", "owner"}
    shown = {
        f"{connection}:{key}": (status, owner, since)
        for connection, key, status, owner, since in zip(
            projects["connection"],
            projects["key"],
            fields["provider_status"],
            fields["owner"],
            fields["status_since"],
            strict=True,
        )
        if since
    }
    found = asked(
        warehouse, "select project_key, provider_status, owner_id, epoch_ms(status_since) from projects"
    )
    assert shown == {key: tuple(values) for key, *values in found}


def test_projects_above_the_limit_are_left_out_and_counted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_PROJECTS", 9)
    monkeypatch.setattr(catalogue, "MOST_CHANGES", 4)
    parsed = Parsed(cli.page())
    assert "m5" not in parsed.catalogue()["projects"]["key"]
    changes = [line for lines in decoded(parsed).values() for line in lines]
    assert {at for at, *_ in changes} == {run(9).timestamp() * 1000}
    notes = texts(parsed, "p", "note")
    assert "1 project that was removed first is left out here." in notes
    assert "The oldest 2 changes are left out of the histories here; rollcall history shows them." in notes


def test_long_lists_are_cut_and_lead_to_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(periods, "LISTED_PROJECTS", 1)
    parsed = Parsed(cli.page())
    assert [link.attributes["href"] for link in parsed.all("a") if link.text == "Show all 2"] == [
        "#show=removed&period=since"
    ]


def test_erased_projects_are_not_on_the_page(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("insert into raw.forgotten values ('m4', 'matter', false, now())")
    parsed = Parsed(own.page())
    assert "m4" not in parsed.catalogue()["projects"]["key"]
    assert cards(parsed)["Last run"]["returned"] == 0


def test_times_are_in_the_time_zone_of_the_display(own: Cli) -> None:
    (own.home / ".dlt").mkdir(exist_ok=True)
    (own.home / ".dlt" / "config.toml").write_text('[display]\ntime_zone = "Australia/Sydney"\n')
    parsed = Parsed(own.page())
    assert texts(parsed, "p", "asof") == [
        "As of 9 Nov 2026, 13:00 Australia/Sydney · 9 runs since 1 Nov 2026"
    ]
    assert parsed.catalogue()["zone"] == "Australia/Sydney"
