"""Writing a result in the format and to the destination that the options of the reading verbs give."""

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, Literal

from pipelines.common.errors import UsageError
from pipelines.common.files import is_device
from pipelines.common.limits import Clock
from pipelines.common.text import printable
from pipelines.output.delivery import deliver
from pipelines.output.pager import find_pager, paged
from pipelines.output.result import (
    NOT_CUT,
    Chunk,
    Cut,
    Rows,
    copy_parquet,
    csv_pieces,
    excel_pieces,
    json_lines,
    json_pieces,
)
from pipelines.warehouse.reader import Warehouse

Form = Literal["table", "csv", "tsv", "json", "jsonl", "parquet", "arrow", "xlsx", "prometheus"]
DELIMITERS: Mapping[Form, str] = {"csv": ",", "tsv": "\t"}


@dataclass(frozen=True)
class Output:
    """The format and the destination: `path` None is standard output.

    For CSV, `raw` does not neutralise formulas, and `excel` writes it for Excel; not both. `pager` shows
    output longer than the screen in a pager. `time_zone` is the IANA zone of its times. `headings` replaces
    the names of columns in CSV, TSV and xlsx with headings for people.
    """

    form: Form = "table"
    path: Path | None = None
    raw: bool = False
    excel: bool = False
    pager: bool = True
    time_zone: str = "UTC"
    headings: bool = False

    @property
    def folder(self) -> Path | None:
        """The directory of the file, if there is a file. Raises UsageError if it does not exist."""
        if self.path is None or is_device(self.path):
            return None
        folder = self.path.absolute().parent
        if not folder.is_dir():
            raise UsageError(f"there is no directory {folder}", "create it, or name another file")
        return folder


@dataclass(frozen=True)
class Written:
    """The written rows, the cells neutralised or cut, and notes on what did not fit a terminal."""

    rows: int
    neutralised: int = 0
    cut: Cut = NOT_CUT
    left_out: tuple[str, ...] = ()


def write(rows: Rows, output: Output) -> Written:
    """Write `rows` as `output` says; a file appears complete or not at all."""
    if output.form in {"parquet", "arrow", "xlsx"}:
        return _write_binary(rows, output)
    if delimiter := DELIMITERS.get(output.form):
        pieces = excel_pieces(rows) if output.excel else csv_pieces(rows, delimiter, raw=output.raw)
        return _write_chunks(pieces, rows.warehouse, output)
    if output.form == "json":
        return _write_chunks(json_pieces(rows), rows.warehouse, output)
    if output.form == "jsonl":
        return _write_chunks(json_lines(rows), rows.warehouse, output)
    if output.path is None and _on_terminal():
        return _show_table(rows, output)
    # Imported late, because rich is slow to import.
    from pipelines.output.table import shown_rows, table_pieces

    return _write_chunks(table_pieces(rows.columns, shown_rows(rows)), rows.warehouse, output)


def write_text(text: str, warehouse: Warehouse, output: Output) -> None:
    """Write `text`, already in the format of `output`, to its destination."""
    _write_chunks(iter([Chunk(text)]), warehouse, output)


def _write_binary(rows: Rows, output: Output) -> Written:
    if output.path is None and _on_terminal():
        raise UsageError(f"a terminal cannot show {output.form.title()}", "name a file: --output FILE")
    if output.form == "arrow":
        return _write_arrow(rows, output)
    if output.form == "parquet":
        return _write_copy(rows, output, copy_parquet)
    # Imported late, because it is slow to import.
    from pipelines.output.xlsx import write_workbook

    return _write_copy(rows, output, write_workbook)


def _write_copy(rows: Rows, output: Output, write_file: Callable[[Rows, Path], Chunk]) -> Written:
    finished = _finished(rows.warehouse)
    copied = write_file(rows, finished)
    _hand_over(finished, output)
    return Written(copied.rows, cut=copied.cut)


def _write_arrow(rows: Rows, output: Output) -> Written:
    from pipelines.output.arrow import write_arrow

    if output.path is None and not _redirected():
        with _standard_output() as standard_output:
            return Written(write_arrow(rows, standard_output, seekable=False).rows)
    finished = _finished(rows.warehouse)
    with finished.open("wb") as file:
        written = write_arrow(rows, file, seekable=output.path is not None)
    _hand_over(finished, output)
    return Written(written.rows)


def _write_chunks(pieces: Iterator[Chunk], warehouse: Warehouse, output: Output) -> Written:
    if output.path is None and _on_terminal():
        pieces = (piece._replace(text=printable(piece.text, keep="\n\t")) for piece in pieces)
        return _show(pieces, warehouse.clock, output)
    if output.path is None and not _redirected():
        # If the query fails before its first row, nothing is written: a header alone would look like an empty
        # table.
        begun = list(islice(pieces, 2))
        with _standard_output() as file:
            return _write_chunks_to(file, chain(begun, pieces), warehouse.clock)
    finished = _finished(warehouse)
    with finished.open("wb") as file:
        written = _write_chunks_to(file, pieces, warehouse.clock)
    _hand_over(finished, output)
    return written


def _show_table(rows: Rows, output: Output) -> Written:
    """Show rows in the width of the terminal. If there are too many, all go to the pager."""
    from pipelines.output.table import shown_rows, table_pieces
    from pipelines.output.terminal import ROWS, fit

    pager = output.pager and find_pager() is not None
    most = max(ROWS, _screen_lines()) if pager else ROWS
    batches = shown_rows(rows if pager else rows.limited(most + 1))
    found = []
    for batch in batches:
        found += batch
        if len(found) > most:
            break
    fitted = fit(rows.columns, found, most)
    if pager and fitted.left_out and len(found) >= _screen_lines() - 1:
        return _show(table_pieces(rows.columns, chain([found], batches)), rows.warehouse.clock, output)
    written = _show(iter([Chunk(fitted.text, fitted.rows)]), rows.warehouse.clock, output)
    return replace(written, left_out=fitted.left_out)


def _show(pieces: Iterator[Chunk], clock: Clock, output: Output) -> Written:
    """Write to the terminal, through a pager if it has too few lines."""
    pager = find_pager() if output.pager else None
    room, first = _screen_lines(), []
    while pager and room > 0 and (piece := next(pieces, None)):
        first.append(piece)
        room -= piece.text.count("\n")
    shown = chain(first, pieces)
    if not pager or room > 0:
        with _standard_output() as file:
            return _write_chunks_to(file, shown, clock)
    try:
        with paged(pager, clock) as file:
            return _write_chunks_to(file, shown, clock)
    except BrokenPipeError:
        return Written(0)  # the reader quit before the end


def _screen_lines() -> int:
    return shutil.get_terminal_size().lines


def _write_chunks_to(file: IO[bytes], pieces: Iterator[Chunk], clock: Clock) -> Written:
    rows = neutralised = 0
    for piece in pieces:
        with clock.stopped():
            file.write(piece.text.encode())
        rows += piece.rows
        neutralised += piece.neutralised
    return Written(rows, neutralised)


def _finished(warehouse: Warehouse) -> Path:
    return warehouse.workspace / "answer"


def _hand_over(finished: Path, output: Output) -> None:
    """Move a finished file to the destination of `output`."""
    if output.path is not None:
        deliver(finished, output.path)
        return
    with finished.open("rb") as file, _standard_output() as standard_output:
        shutil.copyfileobj(file, standard_output)


def _redirected() -> bool:
    """Whether standard output is a file, as with `> projects.csv`: half a result would look complete."""
    try:
        return sys.stdout is not None and stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except OSError:  # it has no descriptor
        return False


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


@contextlib.contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    """Standard output as bytes; a null device if it is closed."""
    if sys.stdout is None:
        with Path(os.devnull).open("wb") as nowhere:
            yield nowhere
    else:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
