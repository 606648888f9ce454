"""`rollcall changes`: lists what the runs changed, newest first."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines.commands.changes import parse_time
from pipelines.common.errors import UsageError

from .conftest import Cli

FIRST = "2026-11-01T02:00:00Z,created,"
ALL = (
    "changed_at,change,project_key,name,column_name,old_value,new_value\n"
    "2026-11-03T02:00:00Z,changed,matter:17,Harbour East,provider_status,"
    "PRJ_STATUS_ON_GOING,PRJ_STATUS_COMPLETE\n"
    "2026-11-03T02:00:00Z,changed,matter:17,Harbour East,status,active,completed\n"
    "2026-11-03T02:00:00Z,returned,matter:18,'=1+1,,,\n"
    "2026-11-03T02:00:00Z,created,matter:19,\x1b[31mred,,,\n"
    "2026-11-03T02:00:00Z,removed,matter:20,Old mill,,,\n"
    "2026-11-02T02:00:00Z,changed,matter:17,Harbour East,name,Harbour,Harbour East\n"
    "2026-11-02T02:00:00Z,removed,matter:18,'=1+1,,,\n"
    f"{FIRST}belltastic:17,Bells,,,\n"
    f"{FIRST}belltastic:5,Chimes,,,\n"
    f"{FIRST}evovoice:c1,Quay,,,\n"
    f"{FIRST}matter:17,Harbour,,,\n"
    f"{FIRST}matter:18,'=1+1,,,\n"
    f"{FIRST}matter:20,Old mill,,,\n"
).splitlines(keepends=True)


@pytest.mark.parametrize(
    ("options", "lines", "counts"),
    [
        ((), ALL[1:6], (1, 1, 1, 1)),
        (("--since", "last"), ALL[1:6], (1, 1, 1, 1)),
        (("--since", "2026-11-01"), ALL[1:], (7, 1, 2, 1)),
        (("--since", "2026-11-02T02:00:00Z"), ALL[1:8], (1, 1, 2, 1)),
        (("--since", "2026-11-02T03:00:00+01:00"), ALL[1:8], (1, 1, 2, 1)),
        (("--since", "2026-11-02", "--until", "2026-11-03"), ALL[6:8], (0, 1, 1, 0)),
        (("--since", "2026-11-02", "--until", "2026-11-02"), [], (0, 0, 0, 0)),
        (("--since", "9999w"), ALL[1:], (7, 1, 2, 1)),
        (("--kind", "created", "--kind", "removed"), ALL[4:6], (1, 0, 1, 0)),
        (("--column", "status"), ALL[2:3], (0, 1, 0, 0)),
        (("--since", "9999w", "--provider", "evovoice", "--provider", "belltastic"), ALL[8:11], (3, 0, 0, 0)),
        (("--since", "9999w", "--connection", "evovoice"), ALL[10:11], (1, 0, 0, 0)),
        (("--since", "9999w", "--client", "ÜBER,  \"Bau\" gmbh"), [ALL[3], ALL[7], ALL[12]], (1, 0, 1, 1)),
        (("--kind", "created", "--provider", "belltastic"), [], (0, 0, 0, 0)),
        (("--time-zone", "Asia/Tokyo", "--since", "2026-11-02T11:00", "--until", "2026-11-03"),
         [line.replace("02T02:00:00Z", "02T11:00:00+09:00") for line in ALL[6:8]], (0, 1, 1, 0)),
    ],
)  # fmt: skip
def test_since_and_until_limit_the_changes_listed(
    cli: Cli, options: tuple[str, ...], lines: list[str], counts: tuple[int, ...]
) -> None:
    result = cli("changes", *options, "--format", "csv")
    assert result.stdout == "".join([ALL[0], *lines])
    expected = "{} created, {} changed, {} removed, {} returned".format(*counts)
    assert result.stderr.splitlines()[-1] == expected


def test_changes_are_printed_as_a_table_with_a_count(cli: Cli) -> None:
    result = cli("changes", "--since", "2026-11-02", "--until", "2026-11-03")
    assert result.stdout == (
        "when               change   project_key  name          difference\n"
        "2026-11-02 02:00Z  changed  matter:17    Harbour East  name: Harbour → Harbour East\n"
        "2026-11-02 02:00Z  removed  matter:18    =1+1\n"
    )
    assert result.stderr == "0 created, 1 changed, 1 removed, 0 returned\n"


@pytest.mark.parametrize(
    ("option", "named", "remedy"),
    [
        ("--provider", "mater", "Did you mean matter?"),
        ("--connection", "xyz", "Choose from belltastic, evovoice, matter"),
        ("--column", "descripton", "Did you mean description?"),
        ("--client", "Qay", "Did you mean Quay?"),
        ("--client", "9", "See: rollcall query 'select name from clients'"),
    ],
)
def test_a_filter_names_what_the_warehouse_has(cli: Cli, option: str, named: str, remedy: str) -> None:
    expected = f"rollcall: the warehouse has no {option[2:]} {named}. {remedy}\n"
    assert cli("changes", option, named, code=2).stderr == expected


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T06:30", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("2026-11-01T06:30:00Z", datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),
        ("2026-11-01 06:30+02:00", datetime(2026, 11, 1, 6, 30, tzinfo=timezone(timedelta(hours=2)))),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2 w", NOW - timedelta(weeks=2)),
        ("0d", NOW),
    ],
)
def test_a_date_a_time_or_a_duration_is_read_as_a_time(text: str, expected: datetime) -> None:
    assert parse_time(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "",
        "7",
        "d7",
        "-1d",
        "7x",
        "2026-13-01",
        "01/11/2026",
        "99999999999d",
        "9" * 30 + "w",
        "' or 1",
    ],
)
def test_times_that_cannot_be_read_are_refused(cli: Cli, text: str) -> None:
    with pytest.raises(UsageError):
        parse_time(text, NOW)
    for option in ("--since", "--until"):
        assert cli("changes", f"{option}={text}", code=2).stderr == (
            f"rollcall: {text} is neither a date nor a duration. "
            "Write 2026-11-01, 2026-11-01T06:00:00Z, 12h, 7d or 2w\n"
        )
