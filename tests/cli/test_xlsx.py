"""Excel workbooks, read with another library: typed, safe to open and edit, or refused in one line."""

import errno
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter import Workbook

from pipelines.common.errors import UsageError
from pipelines.common.sql import identifier, literal
from pipelines.output import xlsx as workbook
from pipelines.output.result import rows_of
from pipelines.output.xlsx import write_workbook
from pipelines.warehouse.reader import Warehouse, open_warehouse

from .conftest import Cli

# Every string that SQL can give to DuckDB: without NUL and lone surrogates.
TEXTS = st.one_of(
    st.text(st.sampled_from("'=+-@\t\r\n<>r/&_x0D] "), min_size=1, max_size=9),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8),
)


@pytest.fixture(scope="module")
def warehouse(published: Path) -> Iterator[Warehouse]:
    with open_warehouse(published / "warehouse.duckdb") as opened:
        yield opened


@pytest.fixture
def own(home: Path) -> Cli:
    """The command line over a home that the test may change."""
    return Cli(home)


def _sheet(path: Path) -> Worksheet:
    book = load_workbook(path)
    assert book.sheetnames == ["rows"]
    return book["rows"]


def _values(sheet: Worksheet) -> list[list[object]]:
    """The cells. Characters that XML cannot hold are escaped as Excel does; decoded here."""
    return [
        [unescape(value) if isinstance(value, str) else value for value in row]
        for row in sheet.iter_rows(values_only=True)
    ]


def test_each_type_is_a_cell_of_excels_type(own: Cli, tmp_path: Path) -> None:
    file = tmp_path / "types.xlsx"
    sql = """
        select
            true as yes,
            7::utinyint as small,
            999999999999999 as longest,
            1000000000000000 as too_long,
            -12345678901234567890123::hugeint as huge,
            1.50::decimal(9, 2) as price,
            0.1234567890123456::decimal(20, 16) as exact,
            0.1 + 0.2::double as sum,
            0.1::float as share,
            'nan'::double as no_number,
            date '2026-11-03' as day,
            timestamptz '2026-11-03 04:30:00+02' as instant,
            timestamp_ns '2026-11-03 02:00:00.25' as moment,
            date '1900-02-28' as too_early,
            timestamp 'infinity' as never,
            time '02:00' as clock,
            '007' as id,
            '12345678901234567890' as long_id,
            [1, 2] as list,
            {'a': 1} as structure,
            null as nothing,
            '=1+1' as formula,
            'https://example.com' as link
        union all by name select 'last' as id
    """
    assert own("query", sql, "--output", str(file)).stderr == f"wrote 2 rows to {file}\n"
    sheet = _sheet(file)
    heading, values, nulls = _values(sheet)
    assert [value for value in nulls if value is not None] == ["last"]
    assert dict(zip(heading, values, strict=True)) == {
        "yes": True,
        "small": 7,
        "longest": 999999999999999,
        "too_long": "1000000000000000",
        "huge": "-12345678901234567890123",
        "price": 1.5,
        "exact": "0.1234567890123456",
        "sum": 0.30000000000000004,
        "share": 0.1,
        "no_number": "nan",
        "day": datetime(2026, 11, 3),  # noqa: DTZ001 - a workbook knows no time zone
        "instant": datetime(2026, 11, 3, 2, 30),  # noqa: DTZ001
        "moment": datetime(2026, 11, 3, 2, 0, 0, 250000),  # noqa: DTZ001
        "too_early": "1900-02-28",
        "never": "infinity",
        "clock": "02:00:00",
        "id": "007",
        "long_id": "12345678901234567890",
        "list": "[1,2]",
        "structure": '{"a":1}',
        "nothing": None,
        "formula": "=1+1",
        "link": "https://example.com",
    }
    kinds = {str(cell.value): cell.data_type for cell in sheet[2]}
    assert (kinds["True"], kinds["7"], kinds["007"]) == ("b", "n", "s")
    with zipfile.ZipFile(file) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
        assert not any("external" in name or "_rels/sheet" in name for name in archive.namelist())
    assert "<f>" not in xml
    assert "hyperlink" not in xml


def test_a_sheet_has_a_frozen_header_and_filters(own: Cli) -> None:
    own("export", "projects", "--format", "xlsx")
    own("export", "projects")
    file = own.home / "exports" / "projects.xlsx"
    assert file.stat().st_mode & 0o777 == 0o600
    sheet = _sheet(file)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:AT7")
    widths = {  # neighbours of one width share an entry
        sheet.cell(1, column).value: round(entry.width - 0.71)
        for entry in sheet.column_dimensions.values()
        for column in range(entry.min, entry.max + 1)
    }
    assert [widths[name] for name in ("project_key", "is_open", "changed_at")] == [14, 10, 20]
    assert {cell.number_format for cell in sheet["A"]} == {"@"}
    values = _values(sheet)
    projects = {str(row[0]): dict(zip(values[0], row, strict=True)) for row in values[1:]}
    assert len(projects) == 6
    assert projects["matter:18"]["name"] == "=1+1"
    assert projects["matter:18"]["client_name"] == 'Über, "Bau"\nGmbH'
    assert projects["matter:19"]["name"] == "\u001b[31mred"
    assert projects["belltastic:17"]["project_id"] == "17"
    assert projects["belltastic:5"]["is_default"] is True
    assert projects["belltastic:17"]["created_at"] == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001
    assert projects["belltastic:17"]["version"] == 1


def test_promise_04_the_same_rows_are_the_same_bytes(own: Cli) -> None:
    own("export", "--all", "--format", "xlsx")
    file = own.home / "exports" / "latest" / "projects_history.xlsx"
    # A clock's time would be the same within a second.
    assert load_workbook(file).properties.created == datetime(2026, 11, 3, 2)  # noqa: DTZ001
    before = file.read_bytes()
    for path in (own.home / "exports" / "latest").iterdir():
        path.unlink()
    own("export", "--all", "--format", "xlsx")
    assert file.read_bytes() == before
    assert file.resolve().parent.name == "20261103T020000Z-02"


def test_an_empty_workbook_can_be_written_to_standard_output(own: Cli, tmp_path: Path) -> None:
    file = tmp_path / "none.xlsx"
    own("query", "select name from projects where false", "--output", str(file))
    assert _values(_sheet(file)) == [["name"]]
    printed = own("export", "projects", "--format", "xlsx", "--output", "-").stdout_bytes
    assert printed.startswith(b"PK")


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    table=st.lists(st.tuples(TEXTS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=4)
)
@example(table=[("<r><t>x</t></r>", 5e-324), ("<r></r>", 1.7976931348623157e308), ("_x000D_\r\ufffe", -0.1)])
def test_promise_07_values_are_not_altered(warehouse: Warehouse, table: list[tuple[str, float]]) -> None:
    values = ", ".join(f"({n}, {literal(text)}, {number!r})" for n, (text, number) in enumerate(table))
    name = identifier(table[0][0])
    sql = f"select a::varchar as {name}, n::double as n from (values {values}) t(i, a, n) order by i"
    file = warehouse.workspace / "answer.xlsx"
    assert write_workbook(rows_of(warehouse, sql), file).rows == len(table)
    heading, *rows = _values(_sheet(file))
    assert heading == [table[0][0], "n"]
    assert [tuple(row) for row in rows] == table


def test_text_beyond_the_limit_of_a_cell_is_cut_and_reported(own: Cli) -> None:
    (own.home / "sql" / "reports").mkdir(parents=True)
    report = own.home / "sql" / "reports" / "long.sql"
    report.write_text("select 1 as n, repeat('x', 32767) as a union all select 2, repeat('😀', 16383)")
    assert "cut" not in own("export", "long", "--format", "xlsx").stderr
    report.write_text("select 1 as n, '' as a union all select 2, repeat('😀', 30000)")
    result = own("export", "long", "--format", "xlsx")
    assert result.stderr.splitlines()[0] == "long: 1 cell cut to fit Excel: a of row 2"
    sheet = load_workbook(own.home / "exports" / "long.xlsx").active
    cut = sheet["B3"].value
    assert (set(cut[: -len(workbook.MARK)]), cut[-len(workbook.MARK) :]) == ({"😀"}, workbook.MARK)
    assert 32766 <= len(cut.encode("utf-16-le")) // 2 <= 32767
    listed = json.loads(own("export", "long", "--format", "xlsx", "--json").stdout)["files"][0]
    assert listed["cut"] == {"cells": 1, "first": ["a of row 2"]}


def test_a_cut_cell_is_named_by_its_project(own: Cli, tmp_path: Path) -> None:
    sql = "select project_key, repeat(project_key, 60000) as name from projects order by 1 desc"
    result = own("query", sql, "--output", str(tmp_path / "a.xlsx"))
    assert result.stderr.splitlines()[0] == (
        "6 cells cut to fit Excel: name of matter:19, name of matter:18, name of matter:17, "
        "name of evovoice:c1, name of belltastic:5 and 1 more"
    )


def test_rows_beyond_the_limit_of_a_sheet_are_refused(own: Cli, tmp_path: Path) -> None:
    file = tmp_path / "large.xlsx"
    result = own("query", "from range(1048576)", "--output", str(file), code=2)
    assert result.stderr == (
        "rollcall: 1,048,576 rows are more than the 1,048,575 that an Excel sheet holds. "
        "Write csv or parquet instead\n"
    )
    columns = ", ".join(f"{n} as a{n}" for n in range(16385))
    assert "16,385 columns" in own("query", f"select {columns}", "--output", str(file), code=2).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_rows_beyond_the_limit_of_a_sheet_are_refused_while_it_is_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 3)
    rows = rows_of(warehouse, "from range(4)")
    with Workbook(warehouse.workspace / "answer") as book, pytest.raises(UsageError, match="4 rows are more"):
        workbook.write_sheet(rows, book, "rows")


def test_a_full_disk_is_one_line(own: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("xlsxwriter.workbook.ZipFile.write", full)
    result = own("export", "projects", "--format", "xlsx", code=1)
    assert result.stderr == "rollcall: No space left on device. Free some space, then try again\n"
    assert list((own.home / "exports").iterdir()) == []
