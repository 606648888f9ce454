"""`rollcall export --excel`: a CSV in which Excel alters and runs nothing. Its values can be restored."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.common.sql import identifier, literal
from pipelines.output import cells
from pipelines.output.result import excel_pieces, rows_of
from pipelines.warehouse.reader import Warehouse, open_warehouse

from .conftest import Cli

# Every string that SQL can give to DuckDB: without NUL and lone surrogates.
TEXTS = st.one_of(
    st.none(),
    st.text(st.sampled_from("'=+-@\t\r\n,\"#a é0159.:/EJAN"), max_size=7),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.integers().map(str),
    st.dates().map(lambda day: day.strftime("%b %d %Y")),
)


@pytest.fixture(scope="module")
def warehouse(published: Path) -> Iterator[Warehouse]:
    with open_warehouse(published / "warehouse.duckdb") as opened:
        yield opened


@pytest.fixture
def own(home: Path) -> Cli:
    """The command line over a home that the test may change."""
    return Cli(home)


def _cells(warehouse: Warehouse, sql: str) -> list[list[str]]:
    text = "".join(piece.text for piece in excel_pieces(rows_of(warehouse, sql)))
    assert text.startswith("\ufeff")
    assert text.endswith("\r\n")
    return list(csv.reader(io.StringIO(text[1:], newline="")))


def _given_back(cell: str) -> str:
    """The original value of a cell, as docs/exporting.md restores it."""
    if cell.startswith('="'):
        return cell[2:-1]
    return cell[1:] if cell.startswith("'") and re.match(cells.FORMULA, cell[1:]) else cell


ALTERED = """
    007|12345678901234567890|5| 5|1.5|1,000|1E5|1e-3|5%|€5|(5)|.5|'5|1 1/2|1-2|3/4|12:30|5 pm|2026-11-03
    |10 Mar|MAR1|Sept. 2|März 2026|août 26|TRUE|false|#N/A|#REF!|#NAME?|#DIV/0!
"""


@pytest.mark.parametrize("text", ALTERED.replace("\n    ", "").rstrip().split("|"))
def test_values_that_excel_would_alter_stay_text(warehouse: Warehouse, text: str) -> None:
    quoted = literal(text)
    name = identifier(text)
    assert _cells(warehouse, f"select {quoted} as {name}") == [[f'="{text}"'], [f'="{text}"']]


@pytest.mark.parametrize(
    "text", ["matter:17", "Harbour East", "Rue de l'Église", "a1b2", '5" pipe', "true story"]
)
def test_values_that_excel_would_not_alter_stay_unchanged(warehouse: Warehouse, text: str) -> None:
    assert _cells(warehouse, f"select {literal(text)} as a") == [["a"], [text]]


def test_numbers_that_excel_would_round_become_text(warehouse: Warehouse) -> None:
    sql = """
        select 5 as a, 999999999999999 as b, -1000000000000000 as c, 0.0012::decimal(9, 4) as d,
            1234567890.123456::decimal(20, 6) as e, 0.1 + 0.2::double as f, true as g, date '2026-11-03' as h,
            repeat('1', 256) as i, timestamptz '2026-11-03 04:30:00.25+02' as j, timestamp '2026-11-03' as k,
            timestamptz 'infinity' as l
    """
    assert _cells(warehouse, sql)[1] == [
        "5",
        "999999999999999",
        '="-1000000000000000"',
        "0.0012",
        '="1234567890.123456"',
        "0.30000000000000004",
        "true",
        "2026-11-03",
        "1" * 256,
        "2026-11-03 02:30:00",
        "2026-11-03 00:00:00",
        "infinity",
    ]


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_promise_25_cells_are_not_run_and_can_be_read_back(
    warehouse: Warehouse, table: list[tuple[str | None, str | None]]
) -> None:
    values = ", ".join(
        f"({n}, {', '.join('null' if text is None else literal(text) for text in row)})"
        for n, row in enumerate(table)
    )
    columns = 'a::varchar as "=a", b::varchar as "b,", 1.5 as n'
    read = _cells(warehouse, f"select {columns} from (values {values}) t(i, a, b) order by i")
    expected = [["=a", "b,", "n"], *([a or "", b or "", "1.5"] for a, b in table)]
    assert [[_given_back(cell) for cell in row] for row in read] == expected
    for cell in (cell for row in read for cell in row[:2]):
        assert re.fullmatch(r'="[^"\x00-\x1f]+"', cell) or not re.match(r"[=+\-@\t\r]", cell)
        assert not re.fullmatch(r" *[0-9.,]*[0-9][0-9.,]* *", cell)


def test_csv_for_excel_has_a_byte_order_mark_and_crlf(own: Cli) -> None:
    folder = own.home / "exports"
    result = own("export", "projects", "--excel")
    assert result.stdout == f"projects          6 rows  {folder}/projects.csv  (2 cells neutralised)\n"
    data = (folder / "projects.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfproject_key,connection,")
    assert data.count(b"\r\n") == 7
    assert own("export", "projects", "--excel", "--output", "-").stdout_bytes == data
    with (folder / "projects.csv").open(encoding="utf-8-sig", newline="") as file:
        projects = {row["project_key"]: row for row in csv.DictReader(file)}
    assert projects["matter:17"]["project_id"] == '="17"'
    assert projects["matter:18"]["name"] == "'=1+1"
    assert projects["matter:18"]["client_name"] == 'Über, "Bau"\nGmbH'
    assert projects["matter:17"]["version"] == "3"
    own("export", "--all", "--excel")
    assert (folder / "latest" / "projects.csv").read_bytes() == data


def test_options_that_excel_excludes_are_refused(own: Cli) -> None:
    expected = "rollcall: --excel writes CSV, and cannot be combined with --raw. See rollcall export --help\n"
    assert own("export", "--excel", "--raw", code=2).stderr == expected
    assert own("export", "--excel", "--format", "xlsx", code=2).stderr == expected
