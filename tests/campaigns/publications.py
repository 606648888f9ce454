"""Publications while readers query the file, and flipped bits in the published file.

`make campaign-publication` publishes PUBLICATIONS=500 times with four readers, and flips FLIPS=1000 bits. A
reader finds one complete run or gets an error; no answer is wrong.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import duckdb

from pipelines.common.errors import WarehouseError
from pipelines.config.tables import MEMORY_MB
from pipelines.warehouse.draft import draft_path, open_draft
from pipelines.warehouse.lock import locked
from pipelines.warehouse.publish import publish
from pipelines.warehouse.reader import open_warehouse
from tests.support.forked import Forked

READERS = 4
PAUSE_S = float(os.environ.get("PAUSE_S") or 0.02)  # of a reader between two answers
ROWS = 2000


def publish_run(warehouse: Path, number: int) -> None:
    """Publish a run in which every row has the number of the run."""
    with locked(warehouse) as scratch:
        with open_draft(warehouse, scratch, MEMORY_MB) as draft:
            draft.db.execute(
                f"""
                create or replace table projects as
                select {number} as run, hash(range) as filler from range({ROWS});
                delete from raw.connections;
                insert into raw.connections values ('{number}', 'belltastic', null, true)
                """
            )
        publish(draft.path, warehouse)


def read(warehouse: str, published: str) -> int:
    """Read runs until `published` says that the last has been, and that is read too; returns 0.

    Raises where an answer mixes runs, or where a run follows a later one.
    """
    last = 0
    while True:
        ending = Path(published).exists()
        with open_warehouse(Path(warehouse)) as opened:
            found = opened.db.execute(
                """
                select min(run), max(run), count(*), (select connection from raw.connections)
                from projects
                """
            ).fetchall()
        ((least, most, rows, name),) = found
        assert (least, rows, name) == (most, ROWS, str(most)), found
        assert most >= last, (most, last)
        last = most
        time.sleep(PAUSE_S)
        if ending:
            assert last == int(Path(published).read_text())
            return 0


def publish_under_readers(warehouse: Path, forked: Forked, publications: int) -> list[int]:
    """Publish that many runs while four readers read; returns how each reader ended."""
    publish_run(warehouse, 0)
    published = warehouse.with_name("published")
    readers = [forked.start(read, str(warehouse), str(published)) for _ in range(READERS)]
    for number in range(1, publications + 1):
        publish_run(warehouse, number)
    published.with_suffix(".new").write_text(str(publications))
    published.with_suffix(".new").replace(published)
    return [forked.wait(reader) for reader in readers]


SOUND = {"noticed by readers, noticed by a run", "right answers, a right draft"}
Answers = dict[tuple[str, str], list[tuple[object, ...]]]


def answers(warehouse: Path) -> Answers:
    """Every row of every table. Raises WarehouseError where one cannot be read."""
    with open_warehouse(warehouse) as opened:
        tables = opened.db.execute(
            "select schema_name, table_name from duckdb_tables() where not internal"
        ).fetchall()
        return {
            (schema, table): opened.db.execute(f'from "{schema}"."{table}"').fetchall()
            for schema, table in tables
        }


def flip_bits(warehouse: Path, flips: int) -> Counter[str]:
    """Flip one bit at a time, and ask; returns how often it was noticed by readers, and by a run.

    A third of them fall into the head of the file. What is not noticed must change no answer.
    """
    right = answers(warehouse)
    content = bytearray(warehouse.read_bytes())
    counts: Counter[str] = Counter()
    for number in range(flips):
        offset = random.randrange(3 * 4096 if number % 3 == 0 else len(content))
        bit = 1 << random.randrange(8)
        content[offset] ^= bit
        warehouse.write_bytes(content)
        content[offset] ^= bit
        counts[f"{_outcome(warehouse, right)}, {_outcome_of_draft(warehouse, right)}"] += 1
    warehouse.write_bytes(content)
    return counts


def _outcome(warehouse: Path, right: Answers) -> str:
    try:
        return "right answers" if answers(warehouse) == right else "WRONG ANSWERS"
    except WarehouseError:
        return "noticed by readers"


def _outcome_of_draft(warehouse: Path, right: Answers) -> str:
    scratch = Path(tempfile.mkdtemp(dir=warehouse.parent))
    try:
        open_draft(warehouse, scratch, MEMORY_MB).db.close()
        return "a right draft" if answers(draft_path(warehouse, scratch)) == right else "A WRONG DRAFT"
    except WarehouseError:
        return "noticed by a run"
    finally:
        shutil.rmtree(scratch)


def a_warehouse(directory: Path) -> Path:
    """A published warehouse of some megabytes, a third of it free space."""
    warehouse = directory / "warehouse.duckdb"
    publish_run(warehouse, 0)
    with duckdb.connect(str(warehouse)) as db:
        db.execute(
            """
            create table words as select hash(range)::text as word from range(40000);
            create table gone as select hash(range)::text as word from range(40000);
            checkpoint;
            drop table gone;
            """
        )
    return warehouse


def main() -> None:
    """Publish PUBLICATIONS times, flip FLIPS bits."""
    publications = int(os.environ.get("PUBLICATIONS") or 500)
    flips = int(os.environ.get("FLIPS") or 1000)
    with tempfile.TemporaryDirectory() as directory, Forked() as forked:
        ended = publish_under_readers(Path(directory) / "read.duckdb", forked, publications)
        sys.stdout.write(f"{publications} publications, {READERS} readers, which ended with {ended}\n")
        counts = flip_bits(a_warehouse(Path(directory)), flips)
        for outcome, count in counts.items():
            sys.stdout.write(f"{count} of {flips} flips: {outcome}\n")
        assert not any(ended)
        assert counts.keys() <= SOUND


if __name__ == "__main__":
    main()
