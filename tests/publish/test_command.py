"""`rollcall publish` and `[publish] after_sync`: what they print, refuse, and leave unchanged."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.common.filesystem import locked_file
from tests.publish.conftest import Stages
from tests.publish.places import DuckDb, configure
from tests.support.home import Home
from tests.support.loopback import Answer, Asked, Loopback

TABLES = '\ntables = ["projects", "status_mapping"]\n'


@pytest.fixture
def bi(tmp_path: Path, stages: Stages) -> DuckDb:
    """A home in `tmp_path` with a destination, to which two tables are published."""
    place = DuckDb(tmp_path / "bi.duckdb")
    place.settings += TABLES
    configure(tmp_path, place)
    shutil.copyfile(stages.first, tmp_path / "warehouse.duckdb")
    return place


def rollcall(home: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home), *arguments])
    assert result.exit_code == code, (result.stdout, result.stderr)
    return result


def test_a_dry_run_shows_what_a_publication_sends(bi: DuckDb, tmp_path: Path) -> None:
    shown = rollcall(tmp_path, "publish", "--to", "bi", "--dry-run").stdout.splitlines()
    assert [line.split() for line in shown[:3]] == [
        ["table", "rows", "sent", "rows", "deleted"],
        ["projects", "6", "0"],
        ["status_mapping", "102", "0"],
    ]
    statements = [line for line in shown if line.endswith(";")]
    comment = 'comment on column "rollcall"."status_mapping"."provider" is \'the service\';'
    assert [line for line in statements if line == comment] == [comment]
    assert [line.partition(" (")[0].partition(" where")[0] for line in statements[-4:]] == [
        'delete from "rollcall"."projects"',
        'insert into "rollcall"."projects"',
        'delete from "rollcall"."status_mapping"',
        'insert into "rollcall"."status_mapping"',
    ]
    assert shown[-1] == "This was a dry run: bi (duckdb, dataset rollcall) is unchanged"
    assert bi.query("select table_name from duckdb_tables()") == []


def test_a_publication_is_counted_once(bi: DuckDb, tmp_path: Path) -> None:
    first = json.loads(rollcall(tmp_path, "publish", "--to", "bi", "--json").stdout)
    assert first | {"tables": None} == {
        "destination": "bi",
        "kind": "duckdb",
        "dataset": "rollcall",
        "run_started_at": "2026-11-03T02:00:00Z",
        "previous_run_started_at": None,
        "tables": None,
        "is_current": False,
        "is_dry_run": False,
        "statements": [],
    }
    again = rollcall(tmp_path, "publish", "--to", "bi").stdout
    assert again == (
        "bi (duckdb, dataset rollcall) already has the run of 2026-11-03 02:00 UTC; nothing was sent\n"
    )
    assert bi.query("select run_started_at::text as run, rows_deleted from rollcall.publications") == [
        {"run": "2026-11-03 02:00:00+00", "rows_deleted": 0}
    ]


def test_another_programs_table_is_refused(bi: DuckDb, tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect(str(bi.path)) as db:
        db.execute("create schema rollcall; create table rollcall.projects as select 1 as mine")
    refused = rollcall(tmp_path, "publish", "--to", "bi", code=2).stderr
    assert refused == (
        "rollcall: dataset rollcall has a table projects that Rollcall did not create. "
        "Give [publish.bi] a dataset for Rollcall alone\n"
    )
    assert bi.read("projects") == [{"mine": 1}]


def test_a_second_publication_at_once_is_refused(bi: DuckDb, tmp_path: Path) -> None:
    (tmp_path / ".rollcall").mkdir()
    with locked_file(tmp_path / ".rollcall" / "publish-bi.lock"):
        refused = rollcall(tmp_path, "publish", "--to", "bi", code=5).stderr
    assert refused == "rollcall: a publication to bi is in progress. Wait for it to end, then try again\n"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "there is no destination bi. Add a table [publish.bi] to HOME/.dlt/config.toml"),
        ('[publish.dbi]\ndestination = "duckdb"', "there is no destination bi. Did you mean dbi?"),
        (
            '[publish.bi]\ndestination = "oracle"',
            "destination of [publish.bi] in HOME/.dlt/config.toml is oracle. Use one of postgres, duckdb, "
            "motherduck, snowflake, bigquery, redshift, databricks, clickhouse, filesystem",
        ),
        (
            '[publish.bi]\ndestination = "duckdb"\ntable = "projects"',
            "[publish.bi] in HOME/.dlt/config.toml has an unknown key table. "
            "Did you mean tables or table_format?",
        ),
        (
            '[publish.bi]\ndestination = "duckdb"\ntables = "projects"',
            "tables of [publish.bi] in HOME/.dlt/config.toml should be a list. "
            'Write it as tables = ["projects"]',
        ),
        (
            '[publish.bi]\ndestination = "duckdb"\ntables = ["project"]',
            "there is no table project to publish. Did you mean projects or project_days or project_changes?",
        ),
        (
            '[publish.bi]\ndestination = "filesystem"\ntable_format = "hudi"',
            "table_format of [publish.bi] in HOME/.dlt/config.toml is hudi. Use delta or iceberg",
        ),
        (
            '[publish.bi]\ndestination = "postgres"',
            "[destination.bi] lacks credentials. Add it to [destination.bi] in .dlt/secrets.toml",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(settings: str, message: str, bi: DuckDb, tmp_path: Path) -> None:
    (tmp_path / ".dlt" / "config.toml").write_text(settings)
    (tmp_path / ".dlt" / "secrets.toml").write_text("")
    refused = rollcall(tmp_path, "publish", "--to", "bi", code=2).stderr
    assert refused.replace(str(tmp_path), "HOME") == f"rollcall: {message}\n"


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_destination_that_is_a_string_is_refused(
    name: str, bi: DuckDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__BI__CREDENTIALS", "postgresql://rollcall:x@127.0.0.1:1/postgres")
    settings = {"config.toml": '[publish.bi]\ndestination = "postgres"\n', "secrets.toml": ""}
    settings[name] += '[destination]\nbi = "postgres"\n'
    for file, text in settings.items():
        (tmp_path / ".dlt" / file).write_text(text)
    refused = rollcall(tmp_path, "publish", "--to", "bi", code=2).stderr
    assert refused == (
        f"rollcall: bi under [destination] in {tmp_path}/.dlt/{name} should be a table. "
        "Write its keys below a header [destination.bi]\n"
    )


def test_a_driver_that_is_missing_is_named(bi: DuckDb, tmp_path: Path) -> None:
    (tmp_path / ".dlt" / "config.toml").write_text('[publish.bi]\ndestination = "clickhouse"\n')
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        '[destination.bi]\ncredentials = "clickhouse://rollcall:not-a-secret@127.0.0.1:1/projects"\n'
    )
    refused = rollcall(tmp_path, "publish", "--to", "bi", code=2).stderr
    assert refused == (
        "rollcall: clickhouse needs packages that are not installed. Run: pip install 'dlt[clickhouse]'\n"
    )


def test_a_destination_that_is_down_is_one_line_without_its_password(bi: DuckDb, tmp_path: Path) -> None:
    (tmp_path / ".dlt" / "config.toml").write_text('[publish.bi]\ndestination = "postgres"\n')
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        '[destination.bi]\ncredentials = "postgresql://rollcall:not-a-secret@127.0.0.1:1/postgres"\n'
    )
    failed = rollcall(tmp_path, "publish", "--to", "bi", code=1).stderr
    assert failed.startswith(
        'rollcall: publication to bi (postgres, dataset rollcall) failed: connection to server at "127.0.0.1"'
    )
    assert failed.endswith("Nothing is lost: publish again when this is fixed\n")
    assert (failed.count("\n"), "not-a-secret" in failed) == (1, False)


@pytest.fixture
def synced(home: Home, loopback: Loopback) -> Home:
    """A home with one connection, not synced yet."""
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": "Bells"}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")
    return home


def test_a_run_publishes_to_the_destinations_of_after_sync(synced: Home) -> None:
    place = DuckDb(synced.path / "bi.duckdb")
    config, secrets = (synced.path / ".dlt" / name for name in ("config.toml", "secrets.toml"))
    config.write_text(f'[publish]\nafter_sync = ["bi"]\n{place.settings}{TABLES}{config.read_text()}')
    secrets.write_text(place.secrets + secrets.read_text())
    rollcall(synced.path, "sync", "--quiet")
    assert [row["name"] for row in place.read("projects")] == ["Bells"]

    secrets.write_text(secrets.read_text().replace("bi.duckdb", "missing/bi.duckdb"))
    shown = rollcall(synced.path, "sync").stdout
    (note,) = [line for line in shown.splitlines() if line.startswith("Note: not published to bi: ")]
    assert note.endswith(". Then run: rollcall publish --to bi")
    assert [row["n"] for row in synced.rows("select count(*) as n from runs")] == [2]


WRONG_AFTER_SYNC = {
    "after_sync of [publish] in FILE should be a list, not 3": "[publish]\nafter_sync = 3",
    "after_sync of [publish] names bj, and there is no table [publish.bj] in FILE": (
        '[publish]\nafter_sync = ["bj"]\n[publish.bi]\ndestination = "duckdb"'
    ),
    "destination of [publish.bi] in FILE is oracle": (
        '[publish]\nafter_sync = ["bi"]\n[publish.bi]\ndestination = "oracle"'
    ),
    "table_format of [publish.bi] in FILE is hudi": (
        '[publish]\nafter_sync = ["bi"]\n[publish.bi]\ndestination = "filesystem"\ntable_format = "hudi"'
    ),
    "dataset of [publish.bi] in FILE should be a string": (
        '[publish]\nafter_sync = ["bi"]\n[publish.bi]\ndestination = "duckdb"\ndataset = 3'
    ),
    "tables of [publish.bi]: there is no table project to publish": (
        '[publish]\nafter_sync = ["bi"]\n[publish.bi]\ndestination = "duckdb"\ntables = ["project"]'
    ),
}


@pytest.mark.parametrize(("message", "settings"), WRONG_AFTER_SYNC.items(), ids=range(len(WRONG_AFTER_SYNC)))
def test_a_wrong_destination_of_each_run_stops_it_before_a_provider_is_asked(
    message: str, settings: str, home: Home, loopback: Loopback
) -> None:
    asked = []

    def take(request: Asked) -> Answer:
        asked.append(request)
        return Answer([{"id": 1, "name": "Bells"}])

    home.connect("belltastic", base_url=loopback.serve("belltastic", take), api_token="user_1")
    file = home.path / ".dlt" / "config.toml"
    file.write_text(f"{settings}\n{file.read_text()}")
    message = message.replace("FILE", str(file))
    for arguments in (("sync",), ("sync", "--dry-run")):
        refused = rollcall(home.path, *arguments, code=2).stderr
        assert (refused.startswith(f"rollcall: {message}. "), refused.count("\n")) == (True, 1)
    assert (asked, home.warehouse.exists()) == ([], False)
    examined = rollcall(home.path, "doctor", "--json", code=2).stdout
    failed = [check for check in json.loads(examined)["checks"] if check["outcome"] == "failed"]
    assert [(check["name"], check["message"]) for check in failed] == [("publish", message)]


def test_doctor_tries_the_destinations_of_each_run_and_only_warns_if_one_is_down(synced: Home) -> None:
    place = DuckDb(synced.path / "bi.duckdb")
    config, secrets = (synced.path / ".dlt" / name for name in ("config.toml", "secrets.toml"))
    config.write_text(f'[publish]\nafter_sync = ["bi"]\n{place.settings}{TABLES}{config.read_text()}')
    secrets.write_text(place.secrets + secrets.read_text())

    def checked() -> tuple[str, str]:
        examined = json.loads(rollcall(synced.path, "doctor", "--json").stdout)["checks"]
        ((outcome, message),) = [
            (check["outcome"], check["message"]) for check in examined if check["name"] == "publish"
        ]
        return outcome, message

    assert checked() == ("ok", "bi (duckdb, dataset rollcall): answers")
    assert place.query("select table_name from duckdb_tables()") == []
    config.write_text(config.read_text().replace('after_sync = ["bi"]\n', ""))
    assert checked() == (
        "ok",
        "bi (duckdb, dataset rollcall): complete; rollcall publish --to bi --dry-run tries it",
    )
    config.write_text(f'[publish]\nafter_sync = ["bi"]\n{config.read_text().replace("[publish]", "", 1)}')
    secrets.write_text(secrets.read_text().replace("bi.duckdb", "missing/bi.duckdb"))
    outcome, message = checked()
    assert (outcome, message.partition(":")[0]) == (
        "warning",
        "publication to bi (duckdb, dataset rollcall) failed",
    )
