"""Promise 25, by example: both ways to write a CSV agree, and neutralised values can be restored."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.common.sql import literal
from pipelines.output import cells
from pipelines.output.result import copy_csv, csv_pieces, json_pieces, rows_of, unordered
from pipelines.warehouse.reader import Warehouse, open_warehouse

# Every string that SQL can give to DuckDB: without NUL and lone surrogates.
TEXTS = st.one_of(
    st.none(),
    st.text(st.sampled_from("'=+-@\t\r\n,\"#a é\u00a0\u200b\uff1d\u2212"), max_size=6),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)
TABLES = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def warehouse(published: Path) -> Iterator[Warehouse]:
    with open_warehouse(published / "warehouse.duckdb") as opened:
        yield opened


def _select(table: list[tuple[str | None, str | None]]) -> str:
    values = ", ".join(
        f"({n}, {', '.join('null' if text is None else literal(text) for text in row)})"
        for n, row in enumerate(table)
    )
    columns = 'a::varchar as "=a", b::varchar as "b,", 1.5 as n'
    return f"select {columns} from (values {values}) t(i, a, b) order by i"


def _given_back(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and re.match(cells.FORMULA, cell[1:]) else cell


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=TABLES)
def test_promise_25_streamed_and_copied_csv_are_the_same(
    warehouse: Warehouse, table: list[tuple[str | None, str | None]]
) -> None:
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
            assert not any(
                re.match(r"[\s\u200b]*[=+\-@\uff1d\u2212]|[\t\r\n]", cell) for row in read for cell in row
            )
            assert [[_given_back(cell) for cell in row] for row in read] == expected
            assert copied.neutralised == sum(
                before != after for old, new in zip(expected, read, strict=True)
                for before, after in zip(old, new, strict=True)
            )  # fmt: skip


FORMULAS = {
    "a sign": "=1+1",
    "a line feed": "\n=1",
    "a line feed alone": "\na",
    "spaces": "  +1",
    "a no-break space": "\u00a0=1",
    "a byte-order mark": "\ufeff@x",
    "no width": "\u200b-1",
    "full width": "\uff1d1",
    "full width at": "\uff20x",
    "a small sign": "\ufe661",
    "a true minus": "\u22121",
    "mixed white space": " \t\r\n\u3000\uff0b1",
}


@pytest.mark.parametrize("cell", FORMULAS.values(), ids=FORMULAS)
def test_promise_25_a_cell_that_begins_like_a_formula_is_neutralised(warehouse: Warehouse, cell: str) -> None:
    rows = rows_of(warehouse, f"select {literal(cell)} as a")
    (_, written) = csv.reader(
        io.StringIO("".join(piece.text for piece in csv_pieces(rows, raw=False)), newline="")
    )
    assert written == [f"'{cell}"]
    assert _given_back(written[0]) == cell


@pytest.mark.parametrize("cell", ["a=1", "Ünder", "中=1", "1-2", " a", "'a", "(=1)", "\u2013 dash"])
def test_any_other_cell_stays_as_it_is(warehouse: Warehouse, cell: str) -> None:
    rows = rows_of(warehouse, f"select {literal(cell)} as a")
    (_, written) = csv.reader(
        io.StringIO("".join(piece.text for piece in csv_pieces(rows, raw=False)), newline="")
    )
    assert written == [cell]


VALUES = "(values (1, '=a'), (1, 'b'), (2, '=c'), (2, '-d')) t(i, a)"


@pytest.mark.parametrize(
    ("sql", "count", "is_sorted"),
    [
        (f"select a from {VALUES} order by i, a", 3, False),
        (f"with v as (from {VALUES}) select a from v where i < $most order by a desc", 1, False),
        (f"select a from {VALUES} order by a desc limit 2", 1, True),
        (f"select distinct on (i) a from {VALUES} order by i, a desc", 1, True),
        (f"select a from {VALUES}", 3, False),
        # DuckDB has only one spelling of these.
        (f"pivot {VALUES} on i using min(a) order by all", 2, True),
        (f"select list_reduce([a, a], lambda x, y: x || y) as a from {VALUES} order by a", 3, None),
    ],
)
def test_a_count_is_sorted_only_if_the_order_matters(
    warehouse: Warehouse, sql: str, count: int, is_sorted: bool | None
) -> None:
    rows = rows_of(warehouse, sql, {"most": "2"} if "$most" in sql else {})
    assert copy_csv(rows, warehouse.workspace / "copy.csv", raw=False).neutralised == count
    assert is_sorted in (None, "order by" in unordered(rows).lower())


@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=TABLES)
def test_json_values_can_be_read_back(
    warehouse: Warehouse, table: list[tuple[str | None, str | None]]
) -> None:
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
def test_types_are_grouped_by_kind(type_name: str, number: bool, text: bool) -> None:
    assert (cells.is_number(type_name), cells.is_text(type_name)) == (number, text)
