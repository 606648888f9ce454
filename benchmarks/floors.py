"""The least that a run needs, part by part: `make floors` times each part, and the limit in the same run.

Each part uses its library as directly as possible, with its input ready. The first parts do nothing that
only Rollcall does: no verification, no history, no checks. Three more parts are the least that a run
adds: it reads the fields of each record once, finds the known version of each, and runs the checks. If
two parts can run in parallel on two processors, only the longer one counts. The result also has the time
that the goals allow for such runs, calculated from the limit and the peers in the same run. The seconds
are stored in `benchmarks/results/inside/floors.json`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local

import click
import duckdb
import pyarrow as pa
import requests

from benchmarks import INSIDE
from benchmarks.bench import Bench
from benchmarks.cases import PAGE_SIZE
from benchmarks.server import LATENCY_S, Server
from benchmarks.sides import IN_FLIGHT, SIDES, SYNC, furnish
from pipelines.common.files import sha256_of
from pipelines.config.dlt_runtime import dlt, isolated_settings, use_home
from pipelines.config.tables import MEMORY_MB
from pipelines.extract.connections import load_connections
from pipelines.extract.records import Record, read_record
from pipelines.load.listings import RECORDS, ROWS_PER_TABLE
from pipelines.providers import matter
from pipelines.transform import build as models
from pipelines.warehouse.draft import Draft

RUNS = ("first", "unchanged")
IMPORTS = "import pipelines.config.dlt_runtime, duckdb, pyarrow.parquet, requests"
HASHED = "select bit_xor(hash(t)) from {} as t"
DIGESTS = "select content_hash from raw.records"
COMPARED = """
    select count(*) filter (where received.content_hash is distinct from known.content_hash)
    from ready_records as received
    left join raw.records as known
        on
            received.connection = known.connection
            and received.entity = known.entity
            and received.record_id = known.record_id
            and known.valid_to is null
"""
PUBLISHED = ("raw.records", "projects_history", "projects")
LIBRARIES = "**together**, where one part must wait for another"
RUN = "**together** with the least that a run adds"
LIMIT = "the limit"
ALLOWED = "the time that the goals allow"

Seconds = tuple[float, float]
"""Of a first run and of one in which nothing changed; empty if it is not needed."""
Parts = dict[str, Seconds]


def _of_100k(_size: int, limit: Seconds, peers: Mapping[str, Seconds]) -> Seconds:
    first = min(4 * limit[0], peers["dlt"][0] / 8, peers["dlt_parquet"][0] / 2, peers["singer"][0] / 2)
    return first, min(4 * limit[1], peers["dlt_parquet"][1] / 3)


def _of_1m(_size: int, limit: Seconds, _peers: Mapping[str, Seconds]) -> Seconds:
    return 3 * limit[0], 3 * limit[1]


def _of_waiting(size: int, _limit: Seconds, peers: Mapping[str, Seconds]) -> Seconds:
    waits = size / PAGE_SIZE / IN_FLIGHT * LATENCY_S
    page_by_page = min(peers[name][0] for name in ("by_hand", "singer", "dlt_parquet"))
    return min(2 + 1.3 * waits, peers["dlt"][0] / 4, page_by_page / 2), 0.0


@dataclass(frozen=True)
class Case:
    """Runs over a number of projects, and the time that the goals allow, by the limit and the peers."""

    label: str
    size: int
    allowed: Callable[[int, Seconds, Mapping[str, Seconds]], Seconds]
    peers: Sequence[str] = ()
    latency_s: float = 0.0


CASES = {
    case.label: case
    for case in (
        Case("10,000 at 50 ms", 10_000, _of_waiting, ("dlt", "dlt_parquet", "singer", "by_hand"), LATENCY_S),
        Case("100,000", 100_000, _of_100k, ("dlt", "dlt_parquet", "singer")),
        Case("1,000,000", 1_000_000, _of_1m),
    )
}


def floors(bench: Bench, case: Case) -> Parts:
    """The parts of runs over a number of projects, their sums, the limit, and the time allowed."""
    size = case.size
    with Server(projects={"matter": size}) as server, bench.home() as home:
        server.warm("matter")
        furnish(home, server)
        bench.run(SYNC, home)
        server.control(latency_s=case.latency_s)
        limits = _two_runs(bench, server, "limit")
        allowed = case.allowed(size, limits, {name: _two_runs(bench, server, name) for name in case.peers})
        use_home(home)
        (connection,) = load_connections(home)
        base_url, token = connection.settings.text("base_url"), connection.settings.text("access_token")
        started = _took(lambda: subprocess.run([sys.executable, "-c", IMPORTS], check=True))
        bodies: list[bytes] = []
        asked = _took(lambda: bodies.extend(_ask(base_url, token, size)))
        texts = [matter.read_page(body).records for body in bodies]
        records: list[Record] = []
        read = _took(
            lambda: records.extend(
                read_record(matter.PROVIDER, (), text, {}) for page in texts for text in page
            )
        )
        loaded = _load(_tables(records))
        known = [record._replace(payload=None) for record in records]
        loaded_known = _load(_tables(known))
        warehouse = home / "warehouse.duckdb"
        written, compared, refreshed = _written(warehouse, home / "floor.duckdb", size)
        verified, digested, flattened, checked = _read(warehouse, home)
    libraries = (
        started + max(asked, read) + loaded + written + verified,
        max(started, verified) + digested + asked + loaded_known + refreshed + verified,
    )
    return {
        "Python, and importing dlt, duckdb and pyarrow": (started, started),
        "two checksums of the published file, one before and one after": (verified, 2 * verified),
        "computing the digests of all known texts": (0.0, digested),
        f"all pages by `requests`, {IN_FLIGHT} at once, discarded": (asked, asked),
        "reading and hashing the records": (read, 0.0),
        "dlt loading the records as Arrow tables": (loaded, loaded_known),
        "writing three finished tables": (written, 0.0),
        "updating when each record was last seen": (0.0, refreshed),
        LIBRARIES: libraries,
        "reading the fields of each record by SQL": (flattened, 0.0),
        "finding the known version of each record": (0.0, compared),
        "the checks": (checked, checked),
        RUN: (libraries[0] + flattened + checked, libraries[1] + compared + checked),
        LIMIT: limits,
        ALLOWED: allowed,
    }


def _two_runs(bench: Bench, server: Server, name: str) -> tuple[float, float]:
    side = SIDES[name]
    with bench.home() as home:
        furnish(home, server)
        first, unchanged = (bench.run(bench.command(side, home), home).wall_s for _ in RUNS)
    return first, unchanged


def _took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ask(base_url: str, token: str, size: int) -> Iterator[bytes]:
    mine = local()

    def page(number: int) -> bytes:
        if not hasattr(mine, "session"):
            mine.session = requests.Session()
            mine.session.trust_env = False
            mine.session.headers["Authorization"] = f"Bearer {token}"
        params: Mapping[str, str | int] = {"locale": "en", "pageNumber": number, "pageSize": PAGE_SIZE}
        answer: requests.Response = mine.session.get(f"{base_url}/projects/get", params=params, timeout=60)
        return answer.content

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        yield from pool.map(page, range(1, size // PAGE_SIZE + 1))


def _tables(records: Sequence[Record]) -> list[pa.Table]:
    tables = []
    for first in range(0, len(records), ROWS_PER_TABLE):
        some = records[first : first + ROWS_PER_TABLE]
        columns = [
            [0] * len(some),
            [0] * len(some),
            range(first, first + len(some)),
            *zip(*some, strict=True),
        ]
        arrays = [pa.array(column, field.type) for column, field in zip(columns, RECORDS, strict=True)]
        tables.append(pa.Table.from_arrays(arrays, schema=RECORDS))
    return tables


def _load(tables: list[pa.Table]) -> float:
    with tempfile.TemporaryDirectory() as directory, isolated_settings():
        pipeline = dlt.pipeline(
            "floor",
            pipelines_dir=f"{directory}/dlt",
            destination=dlt.destinations.filesystem(f"{directory}/landing"),
            dataset_name="received",
        )
        resource = dlt.resource(lambda: iter(tables), name="records")
        return _took(lambda: pipeline.run(resource, loader_file_format="parquet"))


def _written(warehouse: Path, file: Path, size: int) -> tuple[float, float, float]:
    """Writing the published tables, finding the known version of each record, and updating `last_seen_at`."""
    with Draft(file, MEMORY_MB) as draft:
        draft.attach()
        draft.use_threads(size)
        connection = draft.db
        connection.execute(f"attach '{warehouse}' as published (read_only)")
        for table in PUBLISHED:
            name = f"ready_{table.rpartition('.')[2]}"
            connection.execute(f"create temp table {name} as from published.{table}")

        def write() -> None:
            connection.execute("insert into raw.records from ready_records")
            for table in PUBLISHED[1:]:
                connection.execute(f"create table {table} as from ready_{table}")
            connection.execute("checkpoint")

        def refresh() -> None:
            for table in ("raw.records", "projects"):
                connection.execute(f"update {table} set last_seen_at = last_seen_at + interval 1 day")
            connection.execute("checkpoint")

        written = _took(write)
        compared = _took(lambda: connection.execute(COMPARED).fetchall())
        refreshed = _took(refresh)
    return written, compared, refreshed


def _read(warehouse: Path, home: Path) -> tuple[float, float, float, float]:
    """The checksum of the file, hashing the texts, reading their fields, and the checks."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute("set TimeZone = 'UTC'")
        verified = _took(lambda: sha256_of(warehouse))
        digested = _took(lambda: db.execute(DIGESTS).to_arrow_table().column(0).to_pylist())
        flattened = _took(lambda: db.execute(HASHED.format("staging.projects")).fetchall())
        checked = _took(lambda: models.check(db, home))
    return verified, digested, flattened, checked


def table(found: Mapping[str, Parts]) -> list[list[str]]:
    """A row for each part. Sums are also compared with the limit and with the goals."""
    columns = [f"{label}, {run}" for label in found for run in RUNS]
    names = list(next(iter(found.values())))
    seconds = {name: [each for parts in found.values() for each in parts[name]] for name in names}
    rows = [[name, *(f"{each:.2f} s" if each else "" for each in seconds[name])] for name in names]
    for name, other in ((LIBRARIES, LIMIT), (RUN, LIMIT), (RUN, ALLOWED)):
        pairs = zip(seconds[name], seconds[other], strict=True)
        rows.append(
            [f"{name}, divided by {other}", *(f"{one / most:.1f}" if most else "" for one, most in pairs)]
        )
    return [["part", *columns], *rows]


@click.command()
@click.argument("labels", nargs=-1, type=click.Choice(list(CASES)))
def main(labels: Sequence[str]) -> None:
    """Measure, and store the results."""
    bench = Bench((Path(__file__).parent / "scratch").absolute(), click.echo)
    found = {label: floors(bench, CASES[label]) for label in labels or CASES}
    rows = table(found)
    for row in rows:
        click.echo(" | ".join(row))
    if not labels:
        INSIDE.mkdir(exist_ok=True)
        (INSIDE / "floors.json").write_text(json.dumps([["Parts", rows]], indent=1) + "\n")


if __name__ == "__main__":
    main()
