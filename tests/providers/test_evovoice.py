"""EvoVoice: windows of files, sessions that end, two spellings of its keys."""

import functools
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipelines.commands.sync import ListingResult, Run
from pipelines.sandbox import Fault, RequestLine, Sandbox
from tests.support.home import FIRST_RUN, Home, sandbox_settings
from tests.support.loopback import Answer, Asked, Loopback, Script

LOGIN = {"user_name": "reader", "password": "swordfish"}
WEEKLY = """
    select record_id from raw.records where connection = 'weekly' and valid_to is null
    order by payload ->> 'dateCreated'
"""
FILES = 40  # ten days apart, the newest of 2025-12-22


def starts(sandbox: Sandbox, page_size: int) -> set[str | None]:
    """Since when the connection with this page size asked for files; None: for all."""
    queries = [line.query for line in sandbox.requests if line.method == "GET"]
    return {query.get("DateCreatedStart") for query in queries if query["CountPerPage"] == str(page_size)}


def counts(run: Run) -> dict[str, tuple[int, ...]]:
    """What became of each connection's files: new, changed, removed and unchanged."""
    return {
        listing.connection: (listing.new, listing.changed, listing.removed, listing.unchanged)
        for listing in run.listings
    }


@pytest.mark.usefixtures("light")
def test_a_run_reads_a_window_and_each_week_all(home: Home) -> None:
    with Sandbox(projects=4, files=FILES) as sandbox:

        def run(day: float, *, full: bool = False) -> dict[str, tuple[int, ...]]:
            sandbox.traffic.clear()
            return counts(home.run(at=FIRST_RUN + timedelta(days=day), full=full))

        settings = sandbox_settings(sandbox)["evovoice"]
        home.connect("weekly", "evovoice", **settings, page_size=3)
        home.connect("always", "evovoice", **settings, page_size=7, full_every_days=0)
        assert run(0) == {"weekly": (40, 0, 0, 0), "always": (40, 0, 0, 0)}
        assert (starts(sandbox, 3), starts(sandbox, 7)) == ({None}, {None})

        files = sandbox.store("evovoice")
        ids = [str(file["id"]) for file in files.records()]
        files.remove(ids[0])
        files.remove(ids[-2])
        files.change(ids[1], transcription="Heard later.")
        added = files.add()["id"]
        assert run(6.5) == {"weekly": (1, 0, 1, 3), "always": (1, 1, 2, 37)}
        assert (starts(sandbox, 3), starts(sandbox, 7)) == ({"2025-11-22T00:00:00Z"}, {None})
        assert home.rows(WEEKLY) == [{"record_id": file_id} for file_id in (*ids[:-2], ids[-1], added)]

        assert run(7) == {"weekly": (0, 1, 1, 38), "always": (0, 0, 0, 39)}
        assert starts(sandbox, 3) == {None}
        assert run(8, full=True) == {"weekly": (0, 0, 0, 39), "always": (0, 0, 0, 39)}
        assert starts(sandbox, 3) == {None}


@pytest.mark.usefixtures("light")
def test_a_window_gives_the_same_whether_or_not_it_holds_its_start(home: Home, loopback: Loopback) -> None:
    files = [{"Id": f"{day}", "DateCreated": f"2026-10-0{day}T00:00:00Z"} for day in (1, 2, 3)]

    def answer(asked: Asked, *, inclusive: bool) -> Answer:
        start = asked.query.get("DateCreatedStart", "")
        found = [file for file in files if (file["DateCreated"], inclusive) > (start, False)]
        return Answer({"Items": found, "TotalCount": len(found), "TotalPages": 1})

    settings = {**LOGIN, "lookback_days": 1}
    for name, inclusive in (("with", True), ("without", False)):
        base_url = loopback.serve(name, functools.partial(answer, inclusive=inclusive))
        home.connect(name, "evovoice", base_url=base_url, **settings)
    home.run()
    assert counts(home.run()) == {"with": (0, 0, 0, 2), "without": (0, 0, 0, 1)}
    for name in ("with", "without"):
        assert loopback.asked[name][-1].query["DateCreatedStart"] == files[1]["DateCreated"]
    # The file at the start of the window was not expected, but it is the known one byte for byte.
    assert home.rows("select count(refreshed_at) as refreshed from raw.records") == [{"refreshed": 0}]


@pytest.mark.usefixtures("light")
def test_a_login_and_an_empty_listing_take_one_request_each(home: Home, loopback: Loopback) -> None:
    answer = Answer({"Items": [], "TotalCount": 0, "TotalPages": 0})
    base_url = loopback.serve("empty", answer)
    home.connect("evovoice", base_url=base_url, **LOGIN)
    assert [listing.outcome for listing in home.run().listings] == ["verified"]
    login, listed = loopback.asked["empty"]
    assert (login.method, login.path, json.loads(login.body)) == (
        "POST",
        "auth/credentials",
        {"provider": "credentials", "userName": "reader", "password": "swordfish", "rememberMe": True},
    )
    assert listed.query == {
        "SortField": "DateCreated",
        "SortOrder": "Ascend",
        "Page": "0",
        "CountPerPage": "100",
    }


@pytest.mark.usefixtures("light")
def test_an_impossible_date_does_not_move_the_window(home: Home, loopback: Loopback) -> None:
    dates = {
        "past": "2026-10-01T00:00:00Z",
        "unknown": None,
        "to come": "2099-01-01T00:00:00Z",
        "year 1": "0001-01-01T00:00:00",
    }
    dates |= {"last of 1969": "1969-12-31T23:59:59Z", "first of 1970": "1970-01-01T00:00:00Z"}
    ancient = ["year 1", "last of 1969"]
    for connection, names in (
        ("odd", [*dates]),
        ("ancient", ancient),
        ("early", [*ancient, "first of 1970"]),
    ):
        files = [{"Id": name, "DateCreated": dates[name], "AccountId": "a"} for name in names]
        answer = Answer({"Items": files, "TotalCount": len(files), "TotalPages": 1})
        base_url = loopback.serve(connection, answer)
        home.connect(connection, "evovoice", base_url=base_url, **LOGIN)
    home.run()
    counted = {"odd": (0, 0, 0, 6), "ancient": (0, 0, 0, 2), "early": (0, 0, 0, 3)}
    assert counts(home.run()) == counted
    assert loopback.asked["odd"][-1].query["DateCreatedStart"] == "2026-09-01T00:00:00Z"
    assert loopback.asked["early"][-1].query["DateCreatedStart"] == "1969-12-02T00:00:00Z"
    assert "DateCreatedStart" not in loopback.asked["ancient"][-1].query


@dataclass(frozen=True)
class Listed:
    """A run of several connections, each with a sandbox of its own."""

    home: Home
    run: Run
    sandboxes: dict[str, Sandbox]

    def listing(self, connection: str) -> ListingResult:
        (listing,) = [listing for listing in self.run.listings if listing.connection == connection]
        return listing

    def logins(self, connection: str) -> int:
        requests = self.sandboxes[connection].requests
        return sum(line.path == "/evovoice/auth/credentials" for line in requests)


def on_second_page(sandbox: Sandbox, *acts: Callable[[], object]) -> None:
    """Act once, when the second page is asked for."""
    waiting = list(acts)

    def hook(request: RequestLine) -> None:
        while request.query.get("Page") == "1" and waiting:
            waiting.pop(0)()

    sandbox.before_request(hook)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listed]:
    home = Home(tmp_path_factory.mktemp("home"))
    options: dict[str, dict[str, object]] = {
        "plain": {},
        "chosen": {"account_ids": ["account-1", "account-3"]},
        "mistyped": {"password": "swordfish"},
        "ending": {"page_size": 2},
        "locked_out": {"page_size": 2},
        "documented": {},
    }
    with ExitStack() as stack:
        sandboxes = {
            name: stack.enter_context(
                Sandbox(projects=4, files=FILES, evovoice_uses_pascal_case=name == "documented")
            )
            for name in options
        }
        for name, sandbox in sandboxes.items():
            home.connect(name, "evovoice", **sandbox_settings(sandbox)["evovoice"] | options[name])
        on_second_page(sandboxes["ending"], sandboxes["ending"].expire_sessions)
        locked_out = sandboxes["locked_out"]
        refusal = Fault("evovoice", match="^POST", times=None, status=401)
        on_second_page(locked_out, locked_out.expire_sessions, lambda: locked_out.faults.add(refusal))
        yield Listed(home, home.run(), sandboxes)


def test_an_expired_session_is_renewed_once(listed: Listed) -> None:
    assert (listed.listing("ending").outcome, listed.listing("ending").records) == ("verified", FILES)
    assert (listed.logins("plain"), listed.logins("ending")) == (1, 2)


def test_a_wrong_password_is_sent_once(listed: Listed) -> None:
    assert [str(line) for line in listed.sandboxes["mistyped"].requests] == [
        "POST /evovoice/auth/credentials"
    ]
    assert listed.listing("mistyped").outcome == "failed"
    assert listed.listing("mistyped").message == (
        "page 1: auth/credentials answered 401 (Unauthorized: Invalid UserName or Password): "
        "check the credentials of mistyped, and what they can access"
    )


def test_a_session_that_ends_during_a_listing_logs_in_once_more(listed: Listed) -> None:
    listing = listed.listing("locked_out")
    assert (listing.outcome, listing.new, listing.removed) == ("unverified", 2, 0)
    assert listed.logins("locked_out") == 2


@pytest.mark.usefixtures("light")
def test_a_session_that_lasts_one_request_fails_after_one_more_login(home: Home) -> None:
    def end_after_each(sandbox: Sandbox) -> Callable[[RequestLine], None]:
        answered: list[str] = []

        def hook(request: RequestLine) -> None:
            if request.method == "GET":
                if answered:
                    sandbox.expire_sessions()
                answered.append(request.path)
            else:
                answered.clear()

        return hook

    with Sandbox(projects=4, files=FILES) as one, Sandbox(projects=4, files=FILES) as eight:
        for sandbox, at_once in ((one, 1), (eight, 8)):
            sandbox.before_request(end_after_each(sandbox))
            settings = sandbox_settings(sandbox)["evovoice"]
            name = f"evovoice_{at_once}"
            home.connect(name, "evovoice", **settings, page_size=2, max_connections=at_once)
        for listing in home.run().listings:
            assert listing.outcome == "unverified"
            assert str(listing.message).endswith(
                ": the session ended twice within one listing: "
                "check how long a session of this user lasts, and whether another program ends it"
            )
        for sandbox in (one, eight):
            assert sum(line.method == "POST" for line in sandbox.requests) == 2


def pages_from_1(files: list[dict[str, str]], *, total: bool) -> Script:
    """A server that counts pages from 1, and takes 0 for 1; each answer has links of its own."""
    links = itertools.count()

    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer({})
        size, page = int(asked.query["CountPerPage"]), max(int(asked.query["Page"]), 1)
        items = [file | {"Uri": f"/{next(links)}"} for file in files[(page - 1) * size : page * size]]
        totals = {"TotalCount": len(files), "TotalPages": -(-len(files) // size)} if total else {}
        return Answer({"Items": items, **totals})

    return answer


def local_server(files: dict[str, datetime], zone: ZoneInfo, *, reads_utc: bool) -> Script:
    """A server whose times are local and carry no offset. It reads a window's start as UTC or as local."""

    def answer(asked: Asked) -> Answer:
        start = asked.query.get("DateCreatedStart", "1970-01-01T00:00:00Z")
        since = datetime.fromisoformat(start)
        if not reads_utc:
            since = since.replace(tzinfo=zone)
        items = [
            {"Id": name, "AccountId": "a", "DateCreated": f"{at.astimezone(zone):%Y-%m-%dT%H:%M:%S}"}
            for name, at in files.items()
            if at >= since
        ]
        return Answer({"Items": items, "TotalCount": len(items), "TotalPages": 1})

    return answer


ZONES = ("Pacific/Kiritimati", "Etc/GMT+12")  # they differ most: by 26 hours


@pytest.mark.usefixtures("light")
def test_a_window_of_local_times_removes_only_what_is_gone(home: Home, loopback: Loopback) -> None:
    newest = FIRST_RUN - timedelta(hours=3)
    files = {f"{hours} h ago": newest - timedelta(hours=hours) for hours in range(100)}
    cases = {
        f"case_{number}": case
        for number, case in enumerate(itertools.product(ZONES, (None, *ZONES), (True, False)))
    }
    accounts: dict[str, dict[str, object]] = {}
    for name, (zone, _, reads_utc) in cases.items():
        server = local_server(files, ZoneInfo(zone), reads_utc=reads_utc)
        accounts[name] = {**LOGIN, "base_url": loopback.serve(name, server), "lookback_days": 2}
    home.connect_each("evovoice", accounts)
    home.run()
    for name, (_, configured, _) in cases.items():
        accounts[name] |= {"time_zone": configured} if configured else {}
    home.connect_each("evovoice", accounts)
    del files["1 h ago"]
    files["new"] = newest + timedelta(hours=1)
    found = {
        cases[listing.connection]: (listing.outcome, listing.new, listing.removed, listing.changed)
        for listing in home.run().listings
    }
    assert found == dict.fromkeys(cases.values(), ("verified", 1, 1, 0))


LOCAL_TIMES = {
    "naive": (None, "2026-07-01T12:00:00", "2026-07-01 12:00:00+00"),
    "utc": (None, "2026-07-01T12:00:00Z", "2026-07-01 12:00:00+00"),
    "naive_utc": ("UTC", "2026-07-01T12:00:00", "2026-07-01 12:00:00+00"),
    "summer": ("Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01 10:00:00+00"),
    "winter": ("Europe/Berlin", "2026-01-01T12:00:00.5", "2026-01-01 11:00:00.5+00"),
    "with_offset": ("Europe/Berlin", "2026-07-01T12:00:00+09:00", "2026-07-01 03:00:00+00"),
    "skipped": ("Europe/Berlin", "2026-03-29T02:30:00", None),
    "shown_twice": ("Europe/Berlin", "2025-10-26T02:30:00", None),
}


@pytest.mark.usefixtures("without_dlt")
def test_a_time_without_an_offset_is_in_the_configured_time_zone(home: Home, loopback: Loopback) -> None:
    accounts: dict[str, dict[str, object]] = {}
    for name, (time_zone, sent, _) in LOCAL_TIMES.items():
        file = {"Id": "f", "AccountId": "a", "DateCreated": sent}
        base_url = loopback.serve(name, Answer({"Items": [file], "TotalCount": 1, "TotalPages": 1}))
        accounts[name] = {**LOGIN, "base_url": base_url}
        accounts[name] |= {"time_zone": time_zone} if time_zone else {}
    home.connect_each("evovoice", accounts)
    run = home.run()
    found = home.rows("select connection, created_at::text as at from files")
    assert {row["connection"]: row["at"] for row in found} == {
        name: created_at for name, (_, _, created_at) in LOCAL_TIMES.items()
    }
    notes = [warning for warning in run.warnings if warning.name == "times_without_a_time_zone"]
    assert [note.sample for note in notes] == [(("naive", 1, "2026-07-01T12:00:00"),)]


@pytest.mark.usefixtures("without_dlt")
def test_setting_a_time_zone_later_begins_no_version(home: Home, loopback: Loopback) -> None:
    file = {"Id": "f", "AccountId": "a", "DateCreated": "2026-07-01T12:00:00"}
    base_url = loopback.serve("later", Answer({"Items": [file], "TotalCount": 1, "TotalPages": 1}))
    settings = {**LOGIN, "base_url": base_url}
    home.connect("evovoice", **settings)
    home.run()
    home.connect("evovoice", **settings, time_zone="Asia/Tokyo")
    assert counts(home.run()) == {"evovoice": (0, 0, 0, 1)}
    assert home.rows("select created_at::text as at, version from files_history") == [
        {"at": "2026-07-01 03:00:00+00", "version": 1}
    ]


@pytest.mark.usefixtures("light")
def test_a_server_that_counts_pages_from_1_is_read_as_well(home: Home, loopback: Loopback) -> None:
    cases = {
        f"{'with' if total else 'without'}_total_{count}": (total, count)
        for total, count in itertools.product((True, False), (0, 1, 4, 5, 8, 9, 20))
    }
    accounts: dict[str, dict[str, object]] = {}
    for name, (total, count) in cases.items():
        files = [{"Id": f"f{number}", "AccountId": "a"} for number in range(count)]
        base_url = loopback.serve(name, pages_from_1(files, total=total))
        accounts[name] = {**LOGIN, "base_url": base_url, "page_size": 4}
    home.connect_each("evovoice", accounts)
    found = {
        listing.connection: (listing.outcome, listing.new, listing.repeated)
        for listing in home.run().listings
    }
    assert found == {
        name: ("verified" if total else "unverified", count, 0) for name, (total, count) in cases.items()
    }


def test_both_spellings_give_the_same_rows(listed: Listed) -> None:
    files = """
        select * exclude (connection, file_key, project_key, customer_breadcrumb)
        from files where connection = $1 order by file_id
    """
    projects = """
        select * exclude (connection, project_key) replace (split_part(parent_key, ':', 2) as parent_key)
        from projects where connection = $1 order by project_id
    """
    assert len(listed.home.rows(files, "documented")) == FILES
    assert listed.home.rows(files, "documented") == listed.home.rows(files, "plain")
    assert listed.home.rows(projects, "documented") == listed.home.rows(projects, "plain")


def test_only_the_chosen_accounts_are_requested(listed: Listed) -> None:
    queries = [line.query for line in listed.sandboxes["chosen"].requests if line.method == "GET"]
    assert {query["AccountIds"] for query in queries} == {"account-1,account-3"}
    owners = "select distinct owner_id from projects where connection = 'chosen' order by all"
    assert listed.home.rows(owners) == [{"owner_id": "account-1"}, {"owner_id": "account-3"}]
