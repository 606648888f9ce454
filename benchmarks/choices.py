"""Libraries and methods that do the same: `make choices` times them on the records of one page.

The JSON parser, the hash, the rows of an Arrow table, and how dlt loads it. Each runs as often as possible in
a second. The best times, in microseconds per record, are stored in `benchmarks/results/inside/choices.json`.
"""

import contextlib
import hashlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast

import click
import msgspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import INSIDE
from benchmarks.server import Server
from pipelines.extract.provider import find_providers
from pipelines.extract.raw_json import value
from pipelines.extract.records import digest, hash_of, read_record
from pipelines.load.listings import RECORDS, ROWS_PER_TABLE

ROWS = 20_000
LOADED = 50_000


def choices() -> dict[str, dict[str, float]]:
    """Microseconds per record, by question and answer. The choice comes first."""
    texts = _texts()
    return {
        "reading a record's JSON": _timed(
            {
                "msgspec, fractions as Decimal": lambda: [value(text) for text in texts],
                "msgspec, fractions as floats": lambda: list(map(msgspec.json.decode, texts)),
                "orjson (integers beyond 64 bits become floats)": lambda: list(map(orjson.loads, texts)),
                "json": lambda: [json.loads(text, parse_float=Decimal) for text in texts],
            },
            len(texts),
        ),
        "comparing texts by a digest": _timed(
            {
                "sha256": lambda: [digest(text) for text in texts],
                "md5": lambda: [hashlib.md5(text, usedforsecurity=False).digest() for text in texts],
                "blake2b": lambda: [hashlib.blake2b(text, digest_size=16).digest() for text in texts],
            },
            len(texts),
        ),
        "hashing the content of a record": _timed(
            {
                "the canonical spelling of every value, then blake2b": lambda: [
                    hash_of(cast("dict[str, object]", value(text))) for text in texts
                ],
                "only the keys sorted, then blake2b": lambda: [
                    hashlib.blake2b(msgspec.json.encode(value(text), order="sorted")).hexdigest()
                    for text in texts
                ],
            },
            len(texts),
        ),
        "rows per Arrow table, when written as Parquet": _timed(
            {f"{rows:,}": _writing(texts, rows) for rows in (ROWS_PER_TABLE, 100, 1_000, 20_000)}, ROWS
        ),
        "ways in which dlt can load": _loading(texts),
    }


def _texts() -> list[bytes]:
    """A hundred records of Matter, repeated."""
    with Server(projects={"matter": 1_000}) as server:
        one = server.page("matter")
    records = msgspec.json.decode(one, type=dict[str, msgspec.Raw])
    result = msgspec.json.decode(records["result"], type=dict[str, msgspec.Raw])
    return [bytes(raw) for raw in msgspec.json.decode(result["data"], type=list[msgspec.Raw])]


def _timed(answers: Mapping[str, Callable[[], object]], records: int) -> dict[str, float]:
    return {name: _best(answer) / records * 1e6 for name, answer in answers.items()}


def _best(function: Callable[[], object]) -> float:
    """The shortest time of all runs within a second, in seconds."""
    ends = time.perf_counter() + 1
    best = float("inf")
    while time.perf_counter() < ends:
        began = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - began)
    return best


def _table(texts: list[bytes], rows: int) -> pa.Table:
    provider = find_providers(Path("/nonexistent"))["matter"]
    records = [read_record(provider, (), texts[row % len(texts)], {}) for row in range(rows)]
    columns = [[0] * rows, [0] * rows, range(rows), *zip(*records, strict=True)]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, RECORDS, strict=True)],
        schema=RECORDS,
    )


def _writing(texts: list[bytes], rows: int) -> Callable[[], object]:
    table = _table(texts, rows)

    def write() -> None:
        with pq.ParquetWriter(io.BytesIO(), RECORDS) as writer:
            for _ in range(ROWS // rows):
                writer.write_table(table)

    return write


def _loading(texts: list[bytes]) -> dict[str, float]:
    """Loading from Arrow tables, and once from dictionaries, to where DuckDB can read them."""
    from pipelines.config.dlt_runtime import dlt, isolated_settings

    table = _table(texts, ROWS_PER_TABLE)
    rows = table.to_pylist()

    def load(destination: str, form: Literal["parquet", "insert_values"], *, as_rows: bool) -> float:
        with (
            tempfile.TemporaryDirectory() as directory,
            isolated_settings(),
            contextlib.redirect_stdout(sys.stderr),
        ):
            place = Path(directory) / "landing"
            made = (
                dlt.destinations.duckdb(f"{place}.duckdb")
                if destination == "duckdb"
                else dlt.destinations.filesystem(str(place))
            )
            pipeline = dlt.pipeline(
                "loading", pipelines_dir=f"{directory}/dlt", destination=made, dataset_name="received"
            )

            def records() -> object:
                for _ in range(LOADED // ROWS_PER_TABLE):
                    yield rows if as_rows else table

            began = time.perf_counter()
            pipeline.run(dlt.resource(records, name="records"), loader_file_format=form)
            return (time.perf_counter() - began) / LOADED * 1e6

    load("filesystem", "parquet", as_rows=False)  # the imports are not measured
    load("duckdb", "parquet", as_rows=False)
    return {
        "Arrow, Parquet files that DuckDB reads": load("filesystem", "parquet", as_rows=False),
        "Arrow, Parquet into a DuckDB file": load("duckdb", "parquet", as_rows=False),
        "dictionaries, Parquet into a DuckDB file": load("duckdb", "parquet", as_rows=True),
        "dictionaries, inserted into a DuckDB file": load("duckdb", "insert_values", as_rows=True),
    }


def tables(found: Mapping[str, Mapping[str, float]]) -> list[tuple[str, list[list[str]]]]:
    """A table for each question, with its heading."""
    made = []
    for question, answers in found.items():
        chosen = next(iter(answers.values()))
        rows = [["", "µs per record", "relative to the choice"]]
        rows += [[name, f"{each:.2f}", f"{each / chosen:.2f}"] for name, each in answers.items()]
        made.append((question[0].upper() + question[1:], rows))
    return made


@click.command()
def main() -> None:
    """Measure, and store the results."""
    INSIDE.mkdir(exist_ok=True)
    (INSIDE / "choices.json").write_text(json.dumps(tables(choices()), indent=1) + "\n")


if __name__ == "__main__":
    main()
