"""All rows as aligned text, for output that is not a terminal."""

from collections.abc import Iterator, Sequence
from itertools import chain

from rich.cells import cell_len

from pipelines.common.text import printable
from pipelines.output.cells import EMPTY, is_number
from pipelines.output.result import Chunk, Column, Rows, text_rows

GAP = 2
# The rows that set the widths of the columns; the table may be long.
SAMPLE = 1000

Cells = tuple[str, ...]


def table_pieces(columns: Sequence[Column], batches: Iterator[list[Cells]]) -> Iterator[Chunk]:
    """Rows under a header. A cell longer than those in the first rows shifts the cells after it."""
    sample: list[Cells] = []
    for batch in batches:
        sample += batch
        if len(sample) >= SAMPLE:
            break
    heading = shown_heading(columns)
    widths = [max(map(cell_len, cells)) for cells in zip(heading, *sample, strict=True)]
    yield Chunk(_line(heading, widths, columns))
    for batch in chain([sample], batches):
        yield Chunk("".join(_line(row, widths, columns) for row in batch), rows=len(batch))


def shown_rows(rows: Rows) -> Iterator[list[Cells]]:
    """Yield batches of rows, each cell as safe text: empty for null, `EMPTY` for an empty string."""
    for batch in text_rows(rows):
        yield [tuple("" if cell is None else printable(cell) or EMPTY for cell in row) for row in batch]


def shown_heading(columns: Sequence[Column]) -> Cells:
    """The names of the columns, safe to show."""
    return tuple(printable(column.name) for column in columns)


def _line(row: Cells, widths: Sequence[int], columns: Sequence[Column]) -> str:
    aligned = []
    for cell, width, column in zip(row, widths, columns, strict=True):
        space = " " * (width - cell_len(cell))
        aligned.append(space + cell if is_number(column.type) else cell + space)
    return (" " * GAP).join(aligned).rstrip() + "\n"
