"""Rows as a table that fits a terminal."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.common.text import counted
from pipelines.output.cells import is_number
from pipelines.output.result import Column
from pipelines.output.table import GAP, Cells, shown_heading

ROWS = 50
# The smallest width of a column; columns that do not fit are not shown.
NARROW = 16


class ShownColumn(NamedTuple):
    """A column of the rows that are shown."""

    heading: str
    cells: tuple[str, ...]
    is_number: bool = False

    @property
    def width(self) -> int:
        """Its width in characters."""
        return max(map(cell_len, (self.heading, *self.cells)))


class Fitted(NamedTuple):
    """A table that fits the terminal, the number of its rows, and what it leaves out."""

    text: str
    rows: int
    left_out: tuple[str, ...]


def fit(given: Sequence[Column], found: Sequence[Cells], most: int) -> Fitted:
    """Fit at most `most` of the rows `found`, with the columns `given`, into the terminal.

    If all columns fit, cells are wrapped, otherwise cut. A single row with too many columns is shown
    vertically.
    """
    console = Console(highlight=False)
    columns = _columns(given, found[:most])
    kept = columns
    if not _fits(columns, console.width):
        kept = _turned(columns) if len(found) == 1 else _as_many_as_fit(columns, console.width)
    cut = len(kept) < len(columns) and len(found) != 1
    with console.capture() as printed:
        console.print(_table(kept, console.width, wrap=not cut))
    left_out = _left_out(len(columns) - len(kept) if cut else 0, len(found), most)
    return Fitted(printed.get(), min(len(found), most), tuple(left_out))


def _columns(given: Sequence[Column], found: Sequence[Cells]) -> list[ShownColumn]:
    headed = zip(shown_heading(given), *found, strict=True)
    return [
        ShownColumn(heading, tuple(cells), is_number(column.type))
        for column, (heading, *cells) in zip(given, headed, strict=True)
    ]


def _turned(columns: Sequence[ShownColumn]) -> list[ShownColumn]:
    return [
        ShownColumn("column", tuple(column.heading for column in columns)),
        ShownColumn("value", tuple(column.cells[0] for column in columns)),
    ]


def _fits(columns: Sequence[ShownColumn], room: int) -> bool:
    return sum(min(column.width, NARROW) + GAP for column in columns) <= room + GAP


def _as_many_as_fit(columns: Sequence[ShownColumn], room: int) -> list[ShownColumn]:
    """The first columns that fit, without those that are empty in all rows; at least one."""
    filled = [column for column in columns if any(column.cells)] or columns
    needed = accumulate(min(column.width, NARROW) + GAP for column in filled)
    return list(filled[: max(1, sum(total <= room + GAP for total in needed))])


def _table(columns: Sequence[ShownColumn], room: int, *, wrap: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    widest = _widest(columns, room - GAP * (len(columns) - 1))
    for column in columns:
        table.add_column(
            Text(column.heading),
            justify="right" if column.is_number else "left",
            width=min(column.width, widest),
            no_wrap=not wrap,
            overflow="fold" if wrap else "ellipsis",
        )
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _widest(columns: Sequence[ShownColumn], room: int) -> int:
    """The largest width of a column at which all columns fit."""
    widths = [column.width for column in columns]
    return max(1, bisect_right(range(1, max(widths) + 1), room, key=lambda w: sum(min(x, w) for x in widths)))


def _left_out(columns: int, rows: int, most: int) -> Iterator[str]:
    if columns:
        empty = "is empty" if columns == 1 else "are empty"
        unfit = counted(columns, "column does", "columns do")
        yield f"{unfit} not fit here, or {empty}: select some, or use --format csv"
    if rows > most:
        yield f"only the first {most:,} rows are shown: use a pipe or --format csv for all"
