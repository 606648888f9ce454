"""`rollcall prune`: versions that ended before a date go, current ones stay, and every check still passes."""

from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.commands import operation
from pipelines.warehouse.lock import locked
from pipelines.warehouse.paths import previous_path
from tests.campaigns.play import land_directly
from tests.support.home import Home
from tests.support.loopback import Answer, Asked, Loopback

DAYS = [f"2026-11-{day:02} 02:00:00+00" for day in range(1, 10)]


def rollcall(home: Home, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in home.rows(query)]


@pytest.fixture
def six_runs(home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home after six runs: five projects with different histories, and a customer that returned."""
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)
    monkeypatch.setattr(operation, "_now", lambda: datetime(2026, 11, 7, 2, tzinfo=UTC))
    projects: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []

    def voices(asked: Asked) -> Answer:
        return Answer(
            {} if asked.method == "POST" else {"items": files, "totalCount": len(files), "totalPages": 1}
        )

    home.connect(
        "belltastic", base_url=loopback.serve("bells", lambda _: Answer(projects)), api_token="user_1"
    )
    home.connect("evovoice", base_url=loopback.serve("voices", voices), user_name="u", password="swordfish")
    lives = {  # the name of each project in each run
        "constant": "aaaaaa",
        "changed": "aabbcc",
        "ended": "aab---",
        "returned": "a---bb",
        "late": "---abb",
    }
    for run in range(6):
        listed = {key: life[run] for key, life in lives.items() if life[run] != "-"}
        projects[:] = [{"id": key, "name": f"{key} {letter}"} for key, letter in listed.items()]
        if not run:
            projects.append({"id": ["unreadable"]})
        files[:] = [{"id": "f", "customerId": "d", "customerName": "Dock"}]
        if not 1 <= run <= 3:
            files.append({"id": f"f{run}", "customerId": "c", "customerName": f"Quay {run}"})
        assert home.run(full=True).exit_code == (0 if run else 3)
    return home


HISTORY = """
    select project_key, version, change, valid_from, valid_to, end_reason from projects_history order by 1, 2
"""


def test_versions_that_ended_before_are_dropped_and_current_ones_stay(six_runs: Home) -> None:
    home = six_runs
    current = "select * exclude (version, first_seen_at, status_since) from projects order by project_key"
    before = home.rows(current)
    assert len(rows(home, HISTORY)) == 14
    shown = "belltastic: 3 versions ended before 2026-11-05\n1 record quarantined before 2026-11-05\n"
    published = home.warehouse.read_bytes()
    assert rollcall(home, "prune", "--before", "2026-11-05", "--dry-run").stderr == shown
    unconfirmed = rollcall(home, "prune", "--before", "2026-11-05", code=2)
    assert "nobody can confirm this" in unconfirmed.stderr
    with locked(home.warehouse):
        rollcall(home, "prune", "--before", "2026-11-05", "--yes", code=5)
    assert home.warehouse.read_bytes() == published
    done = rollcall(home, "prune", "--before", "2026-11-05", "--yes")
    assert done.stderr == shown + (
        "dropped; `rollcall restore` undoes it: earlier runs next to the warehouse, and backups, contain it\n"
    )
    assert previous_path(home.warehouse).read_bytes() == published
    assert home.rows(current) == before
    assert rows(home, HISTORY) == [
        ("belltastic:changed", 1, "created", DAYS[2], DAYS[4], "changed"),
        ("belltastic:changed", 2, "changed", DAYS[4], None, None),
        ("belltastic:constant", 1, "created", DAYS[0], None, None),
        ("belltastic:late", 1, "created", DAYS[3], DAYS[4], "changed"),
        ("belltastic:late", 2, "changed", DAYS[4], None, None),
        ("belltastic:returned", 1, "created", DAYS[0], DAYS[1], "removed"),
        ("belltastic:returned", 2, "returned", DAYS[4], None, None),
        ("evovoice:c", 1, "created", DAYS[0], DAYS[1], "removed"),
        ("evovoice:c", 2, "returned", DAYS[4], DAYS[5], "changed"),
        ("evovoice:c", 3, "changed", DAYS[5], None, None),
        ("evovoice:d", 1, "created", DAYS[0], None, None),
    ]
    assert rows(
        home,
        "select distinct project_key, change, changed_at from project_changes order by 1, 3",
    ) == [
        ("belltastic:changed", "changed", DAYS[4]),
        ("belltastic:late", "changed", DAYS[4]),
        ("belltastic:returned", "returned", DAYS[4]),
        ("evovoice:c", "returned", DAYS[4]),
        ("evovoice:c", "changed", DAYS[5]),
    ]
    assert rows(
        home, "select min(day)::text from project_days union select min(day)::text from connection_days"
    ) == [("2026-11-05",)]
    assert rows(home, "select operation, history_begins_at from runs where operation <> 'sync'") == [
        ("prune", "2026-11-05 00:00:00+00")
    ]
    assert rows(home, "select count(*) from projects_as_of('2026-11-04')") == [(0,)]
    assert rows(home, "select count(*) from projects_as_of('2026-11-05 03:00')") == [(6,)]
    home.runs = 7
    pruned = rows(home, HISTORY)
    assert home.run(full=True).exit_code == 0
    assert rows(home, HISTORY) == pruned
    assert (
        rollcall(home, "prune", "--before", "2026-11-05", "--yes").stderr
        == "nothing ended before 2026-11-05\n"
    )
    assert (
        rollcall(home, "prune", "--before", "0001-01-01", "--yes").stderr
        == "nothing ended before 0001-01-01\n"
    )
    late = rollcall(home, "prune", "--before", "2027-01-01", "--yes", code=2)
    assert late.stderr == "rollcall: 2027-01-01 is later than the last run. Give an earlier date\n"
