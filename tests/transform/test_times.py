"""A time becomes a timestamp only if it is certain, and null otherwise."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.transform.raw import Raw


@pytest.fixture(scope="module")
def db(shared_raw: Raw) -> duckdb.DuckDBPyConnection:
    shared_raw.build()
    return shared_raw.db


INSTANTS = {
    "2021-12-03T10:32:52+00:00": datetime(2021, 12, 3, 10, 32, 52, tzinfo=UTC),
    "2021-12-03T10:32:52Z": datetime(2021, 12, 3, 10, 32, 52, tzinfo=UTC),
    "2021-12-03t10:32:52z": datetime(2021, 12, 3, 10, 32, 52, tzinfo=UTC),
    "2021-12-03 10:32:52+0530": datetime(2021, 12, 3, 5, 2, 52, tzinfo=UTC),
    "2021-12-03T10:32:52-03": datetime(2021, 12, 3, 13, 32, 52, tzinfo=UTC),
    "2021-12-03T10:32Z": datetime(2021, 12, 3, 10, 32, tzinfo=UTC),
    "2021-12-03T10:32:52.5Z": datetime(2021, 12, 3, 10, 32, 52, 500000, tzinfo=UTC),
    "2021-12-03T10:32:52.1234569Z": datetime(2021, 12, 3, 10, 32, 52, 123456, tzinfo=UTC),
    "2021-12-31T24:00:00Z": datetime(2022, 1, 1, tzinfo=UTC),
    "/Date(1700000000123)/": datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC),
    "/Date(1700000000123+1030)/": datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=UTC),
    "/Date(253402300799999)/": datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    "/Date(-1)/": datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
}
NO_INSTANTS = [
    "2021-12-03T10:32:52",
    "2021-12-03",
    "2021-02-30T00:00:00Z",
    "2021-12-03T25:00:00Z",
    "2021-12-03T10:32:60Z",
    "2021-12-03T10:32:52+25:00",
    "2021-12-03T10:32:52 Europe/Berlin",
    "12021-12-03T10:32:52Z",
    "1700000000",
    "infinity",
    "now",
    "/Date(1e9)/",
    "/Date(99999999999999999999)/",
    "/Date(999999999999999)/",
    "/Date(-99999999999999)/",
    "0000-12-31T23:59:59Z",
    "9999-12-31T23:59:59-01:00",
    "yesterday",
    "",
    "\x00",
]


@pytest.mark.parametrize(("text", "instant"), INSTANTS.items())
def test_a_text_with_an_offset_is_an_instant(
    db: duckdb.DuckDBPyConnection, text: str, instant: datetime
) -> None:
    found = "select staging.parse_timestamp($1), staging.parse_local_timestamp($1, 'Europe/Berlin')"
    assert db.execute(found, [text]).fetchall() == [(instant, instant)]


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_a_text_that_is_not_a_timestamp_is_null(db: duckdb.DuckDBPyConnection, text: str) -> None:
    assert db.execute("select staging.parse_timestamp($1)", [text]).fetchall() == [(None,)]


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-07-01T12:00:00", "UTC", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2026-07-01T12:00", "Europe/Berlin", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-07-01 12:00:00.25", "Europe/Berlin", datetime(2026, 7, 1, 10, 0, 0, 250000, tzinfo=UTC)),
        # The clocks of Berlin skip from 2 to 3 on 29 March, and show 2 to 3 twice on 25 October.
        ("2026-03-29T01:59:59", "Europe/Berlin", datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
        ("2026-03-29T02:00:00", "Europe/Berlin", None),
        ("2026-03-29T02:59:59", "Europe/Berlin", None),
        ("2026-03-29T03:00:00", "Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-10-25T01:59:59", "Europe/Berlin", datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-25T02:00:00", "Europe/Berlin", None),
        ("2026-10-25T02:59:59", "Europe/Berlin", None),
        ("2026-10-25T03:00:00", "Europe/Berlin", datetime(2026, 10, 25, 2, tzinfo=UTC)),
        # Samoa had no 30 December 2011.
        ("2011-12-30T12:00:00", "Pacific/Apia", None),
        ("2026-02-30T12:00:00", "Europe/Berlin", None),
        ("2026-07-01T12:00:00", None, None),
        (None, "Europe/Berlin", None),
        ("0000-12-31T12:00:00", "UTC", None),
        ("9999-12-31T23:59:59", "America/New_York", None),
    ],
)
def test_promise_15_a_local_time_is_a_timestamp_if_clocks_show_it_once(
    db: duckdb.DuckDBPyConnection, text: str | None, zone: str | None, instant: datetime | None
) -> None:
    found = "select staging.parse_local_timestamp($1::text, $2::text)"
    assert db.execute(found, [text, zone]).fetchall() == [(instant,)]


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Antarctica/Casey"]
)
def test_local_times_of_ten_years_are_as_python_has_them(db: duckdb.DuckDBPyConnection, name: str) -> None:
    found = db.execute(
        """
        with local_times as (
            select timestamp '2016-01-01' + to_minutes(45 * step) as local_time from range(117_000) as _(step)
        )

        select local_time, staging.timestamp_in_zone(local_time, $1) from local_times
        """,
        [name],
    ).fetchall()
    # Apart from clock changes, two neighbouring timestamps differ by as much as their local times.
    turns = [
        (local_time, instant)
        for (before, instant_before), (local_time, instant) in pairwise(found)
        if instant is None or instant_before is None or instant - instant_before != local_time - before
    ]
    assert len(turns) > 2
    assert turns == [(local_time, _instant(local_time, ZoneInfo(name))) for local_time, _ in turns]


def _instant(local_time: datetime, zone: ZoneInfo) -> datetime | None:
    guesses = {local_time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    shown = [guess for guess in guesses if guess.astimezone(zone).replace(tzinfo=None, fold=0) == local_time]
    return shown[0] if len(shown) == 1 else None


def test_instants_are_written_in_utc(db: duckdb.DuckDBPyConnection) -> None:
    moments = [
        datetime(2026, 11, 20, 3, tzinfo=UTC),
        datetime(2026, 11, 20, 3, tzinfo=UTC) + timedelta(milliseconds=5),
    ]
    db.execute("set TimeZone = 'Asia/Tokyo'")
    written = [db.execute("select staging.timestamp_text($1)", [moment]).fetchall() for moment in moments]
    db.execute("set TimeZone = 'UTC'")
    assert written == [[("2026-11-20T03:00:00Z",)], [("2026-11-20T03:00:00.005000Z",)]]
