"""Rows as an Excel workbook of one or more sheets, with frozen headings and typed values.

Numbers, booleans, dates and timestamps (in the session's time zone) have Excel's types. Everything else is
text, and so are values that Excel would alter: an integer or decimal of more than 15 digits, a time before
March 1900. A string never becomes a formula or a link. A string that is too long for a cell is cut, marked
and counted.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipelines.common.errors import UsageError
from pipelines.output import cells
from pipelines.output.result import NOT_CUT, Chunk, Column, Cut, Rows, batches
from pipelines.warehouse.reader import Warehouse

MOST_ROWS = 1_048_575  # below the heading
MOST_COLUMNS = 16_384
LONGEST_TEXT = 32_767  # in units of UTF-16
WIDTHS = (8, 60)  # of columns, in characters
MARK = " … [cut: longer than an Excel cell]"  # at the end of a string that was cut
CUT_SHOWN = 5
KEYS = ("project_key", "file_key")  # of columns that identify a row
REMEDY = "write csv or parquet instead"

_TIMES = {"DATE": "yyyy-mm-dd"} | dict.fromkeys(
    ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    "yyyy-mm-dd hh:mm:ss",
)
_DAYS_BEFORE_1970 = 25_569
_DAY_US = 86_400_000_000

Put = Callable[[int, int, Any], int]


class Shape(NamedTuple):
    """How a column is written: SQL for a cell's number, null if it is text, and SQL for that text."""

    number: str
    text: str


class Digits(float):
    """A number written with all its digits: XlsxWriter rounds to 16, and some need 17."""

    def __format__(self, _specification: str) -> str:
        return repr(float(self)).removesuffix(".0")


def write_workbook(rows: Rows, path: Path) -> Chunk:
    """Write the rows to `path` in the workspace. Raises UsageError if Excel cannot hold them."""
    refuse_too_large(rows)
    with open_workbook(rows.warehouse, path) as book:
        return write_sheet(rows, book, "rows")


@contextlib.contextmanager
def open_workbook(warehouse: Warehouse, path: Path) -> Iterator[Workbook]:
    """A new workbook, which is written to `path` in the workspace at the end of the block."""
    options = {"constant_memory": True, "tmpdir": str(warehouse.workspace)}
    try:
        with Workbook(str(path), options) as book:
            book.use_zip64()
            # The time of the run, not of the clock, so that the same rows give the same bytes.
            book.set_properties({"created": _last_run(warehouse)})
            yield book
    except FileCreateError as error:
        raise error.args[0] from None


def refuse_too_large(rows: Rows) -> None:
    """Raise UsageError if a sheet cannot hold the rows."""
    ((count,),) = rows.execute(f"select count(*) from (\n{rows.sql}\n)").fetchall()
    _refuse_too_many(count, len(rows.columns))


def _refuse_too_many(rows: int, columns: int) -> None:
    if rows > MOST_ROWS:
        raise UsageError(f"{rows:,} rows are more than the {MOST_ROWS:,} that an Excel sheet holds", REMEDY)
    if columns > MOST_COLUMNS:
        raise UsageError(
            f"{columns:,} columns are more than the {MOST_COLUMNS:,} that an Excel sheet holds", REMEDY
        )


def _last_run(warehouse: Warehouse) -> datetime:
    """The start of the last run, in UTC; an arbitrary time before the first."""
    ((found,),) = warehouse.db.execute(
        "select coalesce(max(started_at at time zone 'UTC'), timestamp '1980-01-01') from runs"
    ).fetchall()
    run: datetime = found
    return run


def write_sheet(rows: Rows, book: Workbook, name: str) -> Chunk:
    """Add a sheet of that name with the rows. The result counts them, and the cells that were cut."""
    sheet = book.add_worksheet(name)
    _write_names(sheet, book, rows.columns)
    widths = [len(column.name) + 3 for column in rows.columns]  # leaves room for the button of the filter
    write_row = _row_writer(sheet, book, rows.columns)
    shapes = [_shape(n, column.type) for n, column in enumerate(rows.columns, 1)]
    written, cut = 0, NOT_CUT
    for batch in batches(rows, [sql for shape in shapes for sql in shape]):
        with rows.warehouse.clock.stopped():
            if not written:
                widths = list(map(max, widths, _widths(batch, rows.columns)))
            for row in batch:
                written += 1
                _refuse_too_many(written, 1)
                for place in write_row(written, row):
                    cut = _counted(cut, place)
    for n, width in enumerate(widths):
        sheet.set_column(n, n, min(max(width, WIDTHS[0]), WIDTHS[1]))
    sheet.autofilter(0, 0, written, len(rows.columns) - 1)
    # Otherwise Excel marks every id that consists of digits.
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    return Chunk("", rows=written, cut=cut)


def _write_names(sheet: Worksheet, book: Workbook, columns: Sequence[Column]) -> None:
    """Write the names of the columns, which stay in view."""
    sheet.freeze_panes(1, 0)
    put_name = _put_text(sheet, book.add_format({"bold": True, "num_format": "@"}))
    for n, column in enumerate(columns):
        put_name(0, n, column.name)


def _row_writer(
    sheet: Worksheet, book: Workbook, columns: Sequence[Column]
) -> Callable[[int, Sequence[Any]], list[str]]:
    """A function that writes the row with a number, and returns the places of the cells that it cuts."""
    # This format keeps a string a string when somebody edits the cell.
    put_text = _put_text(sheet, book.add_format({"num_format": "@"}))
    put_numbers = [_put_number(sheet, book, column.type) for column in columns]
    key = next((n for n, column in enumerate(columns) if column.name in KEYS), None)

    def write(number: int, row: Sequence[Any]) -> list[str]:
        cut = []
        for n, put_number in enumerate(put_numbers):
            value, text = row[2 * n : 2 * n + 2]
            if value is not None:
                put_number(number, n, value)
            elif text is not None and put_text(number, n, text):
                put_text(number, n, _shortened(text))
                of = (key is not None and row[2 * key + 1]) or f"row {number:,}"
                cut.append(f"{columns[n].name} of {of}")
        return cut

    return write


def _shape(n: int, type_name: str) -> Shape:
    shown = cells.text(f"#{n}", type_name)
    if type_name == "BOOLEAN":
        return Shape(f"cast(#{n} as integer)", "null")
    if type_name in _TIMES:
        # A timestamp with time zone becomes one of the session's time zone.
        value = f"#{n}" if type_name == "DATE" else f"cast(#{n} as timestamp)"
        fits = f"{value} >= '1900-03-01' and {value} < '10000-01-01'"
        number = f"cast(epoch_us({value}) / {_DAY_US}.0 + {_DAYS_BEFORE_1970} as double)"
    elif type_name in {"FLOAT", "DOUBLE"}:
        fits, number = f"isfinite(#{n})", f"cast({shown} as double)"
    elif cells.is_number(type_name):
        fits = f"{cells.digits(shown)} <= {cells.EXCEL_DIGITS}"
        number = f"cast({shown} as double)"
    else:
        return Shape("null", shown)
    return Shape(f"case when {fits} then {number} end", f"case when not ({fits}) then {shown} end")


def _put_number(sheet: Worksheet, book: Workbook, type_name: str) -> Put:
    if type_name == "BOOLEAN":
        return lambda row, n, value: int(sheet.write_boolean(row, n, value))
    form = book.add_format({"num_format": _TIMES[type_name]}) if type_name in _TIMES else None
    return lambda row, n, value: int(sheet.write_number(row, n, Digits(value), form))


def _put_text(sheet: Worksheet, form: Format) -> Put:
    def put(row: int, n: int, text: str) -> int:
        if text.startswith("<r>") and text.endswith("</r>"):
            # XlsxWriter would read it as rich text, and write its markup unchanged.
            return int(sheet.write_rich_string(row, n, *text[:2], text[2:], form))
        return int(sheet.write_string(row, n, text, form))

    return put


def _shortened(text: str) -> str:
    """Cut a string to the length of a cell, with a mark at its end."""
    room = 2 * (LONGEST_TEXT - len(MARK))  # bytes of UTF-16
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + MARK


def _counted(cut: Cut, place: str) -> Cut:
    return Cut(cut.cells + 1, (*cut.first, place)[:CUT_SHOWN])


def _widths(batch: Sequence[tuple[Any, ...]], columns: Sequence[Column]) -> Iterator[int]:
    """The widths of the columns for these rows."""
    for n, column in enumerate(columns):
        texts = [row[2 * n + 1].partition("\n")[0] for row in batch if row[2 * n + 1] is not None]
        numbers = [f"{row[2 * n]:.15g}" for row in batch if row[2 * n] is not None]
        shown = [_TIMES[column.type]] if column.type in _TIMES else numbers
        yield max(map(len, (*texts, *shown)), default=0) + 1
