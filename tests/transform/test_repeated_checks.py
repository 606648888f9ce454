"""A run that changes nothing executes only the checks that can find something new, and repeats the others."""

import duckdb
import pytest

from pipelines.transform import checks
from pipelines.transform.checks import Finding, check
from pipelines.transform.model import Model
from tests.campaigns.play import land_directly
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

NEW_EVERY_RUN = [
    "clients_exist",  # `clients` says when each was last seen
    "days_add_up",
    "fields_never_seen_before",
    "fields_that_vanished",
    "listings_add_up",
    "listings_match_the_versions",
    "removals_are_verified",
    "runs_rise",
    "times_without_a_time_zone",
    "versions_begin_and_end_at_runs",
]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checks that have run."""
    names: list[str] = []
    execute = checks.execute

    def noted(db: duckdb.DuckDBPyConnection, model: Model | None, statement: str) -> None:
        assert model is not None
        names.append(model.name)
        execute(db, model, statement)

    monkeypatch.setattr(checks, "execute", noted)
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)
    return names


@pytest.fixture
def projects(home: Home, loopback: Loopback) -> list[dict[str, object]]:
    """The projects of a Rillsoft account, one of them with a status without a mapping."""
    listed: list[dict[str, object]] = [
        {"id": 1, "name": "Bridge", "status": "Verschollen", "createdAt": "2026-05-01T00:00:00Z"},
        {"id": 2, "name": "Tunnel", "status": "Aktiv", "priority": "urgent"},
    ]
    plans = loopback.serve("plans", lambda _: Answer({"status": "success", "details": listed}))
    home.connect("rillsoft", base_url=plans, client_ids=["7"], access_token="swordfish")
    return listed


def all_findings(home: Home) -> tuple[Finding, ...]:
    """The findings of all checks in the published file."""
    with duckdb.connect(str(home.warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'")
        return check(db, home.path)


def test_checks_that_would_find_the_same_rows_are_repeated(
    home: Home, projects: list[dict[str, object]], ran: list[str]
) -> None:
    first = home.run()
    every = list(ran)
    assert [finding.name for finding in first.warnings] == ["statuses_without_mapping", "values_kept_as_text"]
    for _ in range(2):
        ran.clear()
        unchanged = home.run()
        assert (ran, unchanged.warnings) == (NEW_EVERY_RUN, first.warnings)
        assert all_findings(home) == first.warnings
    projects[0]["status"] = "Aktiv"
    ran.clear()
    changed = home.run()
    assert (ran, [finding.name for finding in changed.warnings]) == (every, ["values_kept_as_text"])
    ran.clear()
    assert (home.run().warnings, ran) == (changed.warnings, NEW_EVERY_RUN)


@pytest.mark.usefixtures("projects")
def test_a_check_of_the_user_always_runs(home: Home, ran: list[str]) -> None:
    own = home.path / "sql" / "checks" / "own.sql"
    own.parent.mkdir(parents=True)
    own.write_text("-- projects without an owner\n-- severity: warning\nselect name from projects_history")
    home.run()
    ran.clear()
    own.write_text("-- projects without an owner\n-- severity: warning\nselect now() as at")
    assert "own" in {finding.name for finding in home.run().warnings}
    assert set(ran) > {*NEW_EVERY_RUN, "own"}  # one check has changed, so all run
    ran.clear()
    assert "own" in {finding.name for finding in home.run().warnings}
    assert ran == sorted([*NEW_EVERY_RUN, "own"])


@pytest.mark.usefixtures("projects")
def test_a_finding_that_json_cannot_hold_is_not_repeated(
    home: Home, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = "select project_key, timestamptz '2026-11-01' as at from projects_history"
    run_one = checks.execute

    def execute(db: duckdb.DuckDBPyConnection, model: Model | None, statement: str) -> None:
        assert model is not None
        run_one(db, model, replaced if model.name == "statuses_without_mapping" else statement)

    monkeypatch.setattr(checks, "execute", execute)
    first = home.run()
    ran.clear()
    assert home.run().warnings == first.warnings
    assert ran == sorted([*NEW_EVERY_RUN, "statuses_without_mapping"])
