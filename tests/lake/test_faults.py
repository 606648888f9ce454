"""Faults of the parts of a lakehouse: the catalog, the object storage, the memory and the clocks."""

import http.client
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import urlsplit

import duckdb
import pytest

from pipelines.common.database import doubled_memory_mb
from pipelines.common.errors import SyncError
from pipelines.warehouse import lakehouse
from tests.lake.home import LakeHome
from tests.support.home import FIRST_RUN
from tests.support.loopback import Answer, Loopback
from tests.support.postgres import Postgres
from tests.support.s3 import KEY_ID, S3, SECRET, serving


@pytest.fixture
def home(lake_home: LakeHome, loopback: Loopback) -> LakeHome:
    """A lakehouse after a run with one project, which has another name in the next run."""
    list_projects(lake_home, loopback, [{"id": 1, "name": "first"}])
    lake_home.run()
    list_projects(lake_home, loopback, [{"id": 1, "name": "second"}])
    return lake_home


def list_projects(home: LakeHome, loopback: Loopback, projects: list[dict[str, object]]) -> None:
    url = loopback.serve("belltastic", lambda _: Answer(projects))
    home.connect("belltastic", base_url=url, api_token="T0ken-of-belltastic")


def names(home: LakeHome) -> list[object]:
    """The names of the project, in the order of its versions."""
    return [row["name"] for row in home.rows("select name from projects_history order by valid_from")]


def losing_the_catalog(
    postgres: Postgres, catalog: str, work: Callable[..., object]
) -> Callable[..., object]:
    """Let PostgreSQL end all sessions before `work`."""
    database = catalog.rpartition("dbname=")[2]

    def lose(*arguments: object, **named: object) -> object:
        postgres.execute(
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}'"
        )
        return work(*arguments, **named)

    return lose


@pytest.mark.parametrize("step", ["create_tables", "apply_changes", "create_views"])
def test_a_catalog_that_is_lost_in_a_commit_leaves_the_run_before(
    home: LakeHome, postgres: Postgres, catalog: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as fault:
        fault.setattr(lakehouse, step, losing_the_catalog(postgres, catalog, getattr(lakehouse, step)))
        with pytest.raises(SyncError) as failure:
            home.run()
    assert failure.value.reason.startswith(
        f"postgres:{catalog} does not answer (server closed the connection unexpectedly"
    )
    assert names(home) == ["first"]
    home.run()
    assert names(home) == ["first", "second"]


def test_a_catalog_that_is_lost_after_a_commit_has_the_run(
    home: LakeHome, postgres: Postgres, catalog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = losing_the_catalog(postgres, catalog, lakehouse.current_snapshot)
    monkeypatch.setattr(lakehouse, "current_snapshot", fault)
    assert home.run().outcome == "complete"
    assert names(home) == ["first", "second"]


def test_a_commit_takes_more_memory_only_if_it_needs_it(
    lake_home: LakeHome, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE__MEMORY_MB", "10")
    list_projects(lake_home, loopback, [{"id": id, "name": "x" * 20_000} for id in range(1, 1001)])
    limits = []

    def doubled(memory_mb: int, error: duckdb.Error) -> int:
        limits.append(doubled_memory_mb(memory_mb, error))
        return limits[-1]

    monkeypatch.setattr(lakehouse, "doubled_memory_mb", doubled)
    assert lake_home.run().outcome == "complete"
    assert limits
    assert lake_home.rows("select count(*) as projects from projects") == [{"projects": 1000}]


def test_runs_of_machines_whose_clocks_differ_are_in_the_order_of_their_commits(
    home: LakeHome, loopback: Loopback
) -> None:
    home.run(at=FIRST_RUN - timedelta(days=400))
    assert names(home) == ["first", "second"]
    assert home.rows("select count(distinct started_at) as runs from runs") == [{"runs": 2}]


class _Faulty(BaseHTTPRequestHandler):
    """Forwards requests to an S3 server, unless `fault` does something else with them."""

    protocol_version = "HTTP/1.1"
    s3: ClassVar[S3]
    endpoint: ClassVar[str]
    fault: ClassVar[Callable[["_Faulty"], bool]]

    @property
    def length(self) -> int:
        """The length of the request's body in bytes."""
        return int(self.headers.get("Content-Length") or 0)

    def forward(self) -> None:
        if type(self).fault(self):
            return
        body = self.rfile.read(self.length)
        upstream = http.client.HTTPConnection(urlsplit(self.s3.endpoint).netloc)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(key, value)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = forward  # noqa: N815 - the names that are called

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def storage() -> Iterator[S3]:
    with serving("faults") as server:
        yield server


@pytest.fixture
def faulty(storage: S3) -> Iterator[type[_Faulty]]:
    """A server before the S3 server, at `endpoint`, which has no fault yet."""

    class Faulty(_Faulty):
        s3 = storage
        fault = staticmethod(lambda _: False)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    Faulty.endpoint = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield Faulty
    server.shutdown()
    server.server_close()


@pytest.fixture
def stored(faulty: type[_Faulty], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LakeHome:
    """A home whose data is on S3, behind `faulty`."""
    for key, value in (("region", "us-east-1"), ("endpoint", faulty.endpoint)):
        monkeypatch.setenv(f"WAREHOUSE__S3_{key.upper()}", value)
    (tmp_path / "lake").mkdir()
    catalog = str(tmp_path / "catalog.ducklake")
    data = f"s3://{faulty.s3.bucket}/{tmp_path.name}"
    return LakeHome(tmp_path / "lake", catalog, data, s3_key_id=KEY_ID, s3_secret=SECRET)


def is_put(request: _Faulty) -> bool:
    return request.command in ("PUT", "POST")


def failing(times: int) -> Callable[[_Faulty], bool]:
    left = [times]

    def fault(request: _Faulty) -> bool:
        if not is_put(request) or not left[0]:
            return False
        left[0] -= 1
        request.rfile.read(request.length)
        request.send_error(500)
        return True

    return fault


def breaking(request: _Faulty) -> bool:
    """Close the connection in the middle of a write."""
    if not is_put(request):
        return False
    request.rfile.read(request.length // 2)
    request.close_connection = True
    return True


def slow(request: _Faulty) -> bool:
    time.sleep(0.2)
    return False


@pytest.mark.parametrize("fault", [slow, failing(1)], ids=["slow", "fails once"])
def test_a_run_outlasts_a_short_fault_of_the_storage(
    faulty: type[_Faulty], stored: LakeHome, loopback: Loopback, fault: Callable[[_Faulty], bool]
) -> None:
    faulty.fault = staticmethod(fault)
    list_projects(stored, loopback, [{"id": 1, "name": "first"}])
    stored.run()
    assert names(stored) == ["first"]


@pytest.mark.parametrize("fault", [breaking, failing(1000)], ids=["breaks", "fails"])
def test_a_storage_that_fails_in_a_commit_leaves_the_run_before(
    faulty: type[_Faulty], stored: LakeHome, loopback: Loopback, fault: Callable[[_Faulty], bool]
) -> None:
    list_projects(stored, loopback, [{"id": 1, "name": "first"}])
    stored.run()
    list_projects(stored, loopback, [{"id": 1, "name": "second"}])
    faulty.fault = staticmethod(fault)
    with pytest.raises(SyncError) as failure:
        stored.run()
    assert failure.value.reason.startswith(f"{stored.warehouse_settings['data']}/ does not answer (")
    faulty.fault = staticmethod(lambda _: False)
    assert names(stored) == ["first"]
    stored.run()
    assert names(stored) == ["first", "second"]
