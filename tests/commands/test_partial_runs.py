"""A run over some connections leaves the others up to date, and their last changes visible."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.home import FIRST_RUN, Home
from tests.support.light import light
from tests.support.loopback import Answer, Loopback

FRESH_FOR = timedelta(hours=36)

pytestmark = pytest.mark.usefixtures("without_dlt")


def names(*names: str) -> Answer:
    return Answer([{"id": number, "name": name} for number, name in enumerate(names)])


def rollcall(home: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home), *arguments])
    assert result.exit_code == 0, (result.stdout, result.stderr)
    return result


def two_accounts(home: Home, loopback: Loopback) -> None:
    """Two accounts with a project each; in their second run both of these have changed."""
    for name in ("north", "south"):
        home.connect(
            name, "belltastic", base_url=loopback.serve(name, names("A")), api_token="user_of_a_test"
        )
    home.run()
    for name in ("north", "south"):
        loopback.serve(name, names(f"B of {name}"))


def changed(home: Home) -> list[tuple[str, str | None]]:
    rows = json.loads(rollcall(home.path, "changes", "--json").stdout)
    return sorted((row["project_key"], row["new_value"]) for row in rows)


def test_changes_are_those_since_the_last_run_of_each_connection(home: Home, loopback: Loopback) -> None:
    two_accounts(home, loopback)
    home.run("north")
    assert changed(home) == [("north:0", "B of north"), ("south:0", None)]  # None: it was created
    home.run("south")
    assert changed(home) == [("north:0", "B of north"), ("south:0", "B of south")]
    home.run("north")
    assert changed(home) == [("south:0", "B of south")]
    page = rollcall(home.path, "report", "--output", "-").stdout
    shown = re.search(r"<h2>Last run</h2>.*?<dt>Changed</dt><dd><a [^>]*>(\d+)</a>", page, re.DOTALL)
    assert shown
    assert shown[1] == "1"
    home.run()
    assert changed(home) == []


def test_a_run_of_one_connection_leaves_the_others_up_to_date(home: Home, loopback: Loopback) -> None:
    two_accounts(home, loopback)
    home.run("north", at=FIRST_RUN + FRESH_FOR)
    assert json.loads(rollcall(home.path, "report", "--json").stdout)["stale"] == []
    assert rollcall(home.path, "export").stderr == (
        "every connection is up to date: last verified 2026-11-01T02:00:00Z or later\n"
    )
    home.run("north", at=FIRST_RUN + FRESH_FOR + timedelta(seconds=1))
    assert json.loads(rollcall(home.path, "report", "--json").stdout)["stale"] == ["south"]
    assert rollcall(home.path, "export").stderr == (
        "south is not up to date: last verified 2026-11-01T02:00:00Z\n"
    )


def test_a_connection_named_twice_is_asked_once(home: Home, loopback: Loopback) -> None:
    two_accounts(home, loopback)
    assert [listing.connection for listing in home.run("north", "south", "north").listings] == [
        "north",
        "south",
    ]


def test_a_connection_that_fails_is_not_up_to_date_at_once(home: Home, loopback: Loopback) -> None:
    two_accounts(home, loopback)
    loopback.serve("south", Answer({}, 403))
    home.run("south", at=FIRST_RUN + timedelta(hours=1))
    home.run("north", at=FIRST_RUN + timedelta(hours=2))
    assert json.loads(rollcall(home.path, "report", "--json").stdout)["stale"] == ["south"]


def test_a_connection_says_whether_the_last_run_had_it_configured(home: Home, loopback: Loopback) -> None:
    two_accounts(home, loopback)
    is_configured = "select connection, is_configured from connections order by connection"
    home.run("north")
    assert home.rows(is_configured) == [
        {"connection": "north", "is_configured": True},
        {"connection": "south", "is_configured": True},
    ]
    config, secrets = (home.path / ".dlt" / name for name in ("config.toml", "secrets.toml"))
    for path in (config, secrets):
        path.write_text(
            "".join(part for part in re.split(r"(?m)^(?=\[)", path.read_text()) if "south" not in part)
        )
    home.run()
    assert home.rows(is_configured) == [
        {"connection": "north", "is_configured": True},
        {"connection": "south", "is_configured": False},
    ]


def test_a_listing_says_what_kind_of_error_ended_it(home: Home, loopback: Loopback) -> None:
    two_accounts(home, loopback)
    loopback.serve("north", Answer({"message": "Unauthenticated."}, status=401))
    loopback.serve("south", Answer("<html>"))
    with light():
        home.run()
    assert home.rows(
        "select connection, outcome, error_kind from listings order by started_at, connection"
    ) == [
        {"connection": "north", "outcome": "verified", "error_kind": None},
        {"connection": "south", "outcome": "verified", "error_kind": None},
        {"connection": "north", "outcome": "failed", "error_kind": "access_refused"},
        {"connection": "south", "outcome": "failed", "error_kind": "malformed_answer"},
    ]


def test_a_note_names_each_value_of_an_example(home: Home, loopback: Loopback) -> None:
    url = loopback.serve("bells", Answer([{"id": 1, "name": "A", "created_at": 1638527572}]))
    home.connect("bells", "belltastic", base_url=url, api_token="user_1")
    (note,) = [line for line in rollcall(home.path, "sync").stdout.splitlines() if line.startswith("Note: ")]
    assert note == (
        "Note: values that do not fit their column's type are kept as text: in attributes, "
        "those of files in raw.records: provider belltastic, connection bells, field created_at, records 1, "
        "example 1638527572"
    )
