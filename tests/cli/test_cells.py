"""Promise 24 by example: the two ways to write a CSV agree, and what they neutralise can be taken back."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import cells
from pipelines.reading import Warehouse, open_warehouse
from pipelines.rows import copy_csv, csv_pieces, json_pieces, rows_of

# Whatever DuckDB holds: no NUL on the way in as SQL, no lone surrogates.
TEXTS = st.one_of(
    st.none(),
    st.text(st.sampled_from("'=+-@\t\r\n,\"#a é"), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)
TABLES = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def warehouse(published: Path) -> Iterator[Warehouse]:
    with open_warehouse(published / "warehouse.duckdb") as opened:
        yield opened


def _select(table: list[tuple[str | None, str | None]]) -> str:
    values = ", ".join(
        f"({n}, {', '.join('null' if text is None else cells.literal(text) for text in row)})"
        for n, row in enumerate(table)
    )
    columns = 'a::varchar as "=a", b::varchar as "b,", 1.5 as n'
    return f"select {columns} from (values {values}) t(i, a, b) order by i"


def _given_back(cell: str) -> str:
    return cell[1:] if re.match(r"^'+[=+\-@\t\r]", cell) else cell


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES)
def test_promise_24_csv_both_ways(warehouse: Warehouse, table: list[tuple[str | None, str | None]]) -> None:
    rows = rows_of(warehouse, _select(table))
    file = warehouse.workspace / "copy.csv"
    for raw in (False, True):
        pieces = list(csv_pieces(rows, raw=raw))
        streamed = "".join(piece.text for piece in pieces)
        copied = copy_csv(rows, file, raw=raw)
        assert file.read_bytes() == streamed.encode()
        assert copied.rows == sum(piece.rows for piece in pieces) == len(table)
        assert copied.neutralised == sum(piece.neutralised for piece in pieces)

        read = list(csv.reader(io.StringIO(streamed, newline="")))
        expected = [["=a", "b,", "n"], *([a or "", b or "", "1.5"] for a, b in table)]
        if raw:
            assert read == expected
        else:
            assert not any(re.match(r"[=+\-@\t\r]", cell) for row in read for cell in row)
            assert [[_given_back(cell) for cell in row] for row in read] == expected
            assert copied.neutralised == sum(
                before != after for old, new in zip(expected, read, strict=True)
                for before, after in zip(old, new, strict=True)
            )  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=TABLES)
def test_json(warehouse: Warehouse, table: list[tuple[str | None, str | None]]) -> None:
    pieces = list(json_pieces(rows_of(warehouse, _select(table))))
    assert json.loads("".join(piece.text for piece in pieces)) == [
        {"=a": a, "b,": b, "n": 1.5} for a, b in table
    ]
    assert sum(piece.rows for piece in pieces) == len(table)


@pytest.mark.parametrize(
    ("type_name", "number", "text"),
    [
        ("INTEGER", True, False),
        ("UHUGEINT", True, False),
        ("DECIMAL(38,2)", True, False),
        ("DOUBLE", True, False),
        ("BOOLEAN", False, False),
        ("DATE", False, False),
        ("TIMESTAMP WITH TIME ZONE", False, False),
        ("TIME_NS", False, False),
        ("VARCHAR", False, True),
        ("JSON", False, True),
        ("INTERVAL", False, True),
        ("ENUM('INTEGER')", False, True),
        ("INTEGER[]", False, True),
        ("DECIMAL(3,1)[2]", False, True),
        ("STRUCT(a INTEGER)", False, True),
        ('"NULL"', False, True),
        ("A TYPE TO COME", False, True),
    ],
)
def test_kinds_of_types(type_name: str, number: bool, text: bool) -> None:
    assert (cells.is_number(type_name), cells.is_text(type_name)) == (number, text)
