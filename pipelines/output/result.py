"""The result of one SELECT, which is executed when it is read, and the ways to read it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines.common.sql import identifier, literal
from pipelines.output import cells
from pipelines.warehouse.reader import Warehouse

BATCH = 2048


class Column(NamedTuple):
    """A column of a result: its name, and DuckDB's name of its type."""

    name: str
    type: str


class Cut(NamedTuple):
    """The number of cells that were cut because they were too long, and where the first of them are."""

    cells: int
    first: tuple[str, ...]


NOT_CUT = Cut(0, ())


class Chunk(NamedTuple):
    """A written part of a result: its rows, and the cells that were neutralised or cut."""

    text: str
    rows: int = 0
    neutralised: int = 0
    cut: Cut = NOT_CUT


@dataclass(frozen=True)
class Rows:
    """The result of `sql`, one SELECT, which is executed each time that the rows are written.

    `parameters` has the value of each `$name` in `sql`.
    """

    warehouse: Warehouse
    sql: str
    columns: tuple[Column, ...]
    parameters: Mapping[str, object] = field(default_factory=dict)

    def limited(self, count: int) -> "Rows":
        """The first `count` of these rows."""
        return replace(self, sql=f"select * from (\n{self.sql}\n) limit {count}")

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        """Execute `sql`, which contains the SQL of these rows, with their parameters."""
        return self.warehouse.db.execute(sql, self.parameters)


def rows_of(warehouse: Warehouse, sql: str, parameters: Mapping[str, object] | None = None) -> Rows:
    """Prepare `sql`, one SELECT without a semicolon. Raises duckdb.Error if it is wrong."""
    rows = Rows(warehouse, sql, (), parameters or {})
    answer = rows.execute(f"select * from (\n{sql}\n) limit 0")
    columns = tuple(Column(name, str(kind)) for name, kind, *_ in answer.description)
    answer.fetchall()  # DuckDB cannot copy the result of a PIVOT while there are rows left to fetch
    return replace(rows, columns=columns)


def batches(rows: Rows, expressions: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield batches of rows with the values of these expressions, in which columns are #1, #2 and so on."""
    # Expressions must not use `in` with a list: DuckDB turns it into a join, which loses the order.
    cursor = rows.execute(f"select {', '.join(expressions)} from (\n{rows.sql}\n)")
    while batch := cursor.fetchmany(BATCH):
        yield batch


def text_rows(rows: Rows) -> Iterator[list[tuple[str | None, ...]]]:
    """Yield batches of rows, each cell as text."""
    return batches(rows, [_text(n, column) for n, column in enumerate(rows.columns, 1)])


def csv_pieces(rows: Rows, delimiter: str = ",", *, raw: bool) -> Iterator[Chunk]:
    """Yield the rows as CSV, in parts of complete lines. `raw` does not neutralise formulas."""
    names, renamed = _heading(rows, raw=raw)
    heading = delimiter.join(_csv_name(name, delimiter) for name in names)
    yield Chunk(f"{heading}\n", neutralised=renamed)
    fields = [_csv_field(n, column, delimiter, raw=raw) for n, column in enumerate(rows.columns, 1)]
    line = f" || {literal(delimiter)} || ".join(fields)
    yield from _csv_lines(rows, line, "0" if raw else _formulas(rows), "\n")


def excel_pieces(rows: Rows) -> Iterator[Chunk]:
    """Yield the rows as CSV that Excel does not alter, in parts of complete lines.

    It begins with a byte-order mark, lines end with CR LF, and cells are as `cells.kept_by_excel` says.
    """
    names, renamed = _heading(rows, raw=False)
    kept = [f'="{name}"' if re.search(cells.ALTERED, name) else name for name in names]
    yield Chunk("\ufeff" + ",".join(_csv_name(name, ",") for name in kept) + "\r\n", neutralised=renamed)
    fields = [
        cells.csv_field(cells.kept_by_excel(cells.excel_text(f"#{n}", column.type), column.type))
        for n, column in enumerate(rows.columns, 1)
    ]
    yield from _csv_lines(rows, " || ',' || ".join(fields), _formulas(rows), "\r\n")


def json_pieces(rows: Rows) -> Iterator[Chunk]:
    """Yield the rows as a JSON array of objects."""
    before = "["
    for batch in _objects(rows):
        yield Chunk(before + "\n" + ",\n".join(batch), rows=len(batch))
        before = ","
    yield Chunk("[]\n" if before == "[" else "\n]\n")


def json_lines(rows: Rows) -> Iterator[Chunk]:
    """Yield the rows as JSON objects, one per line."""
    for batch in _objects(rows):
        yield Chunk("".join(f"{line}\n" for line in batch), rows=len(batch))


def _objects(rows: Rows) -> Iterator[list[str]]:
    """Yield the rows as JSON objects, a batch at a time."""
    members = " || ',' || ".join(
        literal(f"{json.dumps(column.name, ensure_ascii=False)}:")
        + f" || {cells.json_value(f'#{n}', column.type)}"
        for n, column in enumerate(rows.columns, 1)
    )
    may_be_lenient = any(cells.holds_json(column.type) for column in rows.columns)
    for batch in batches(rows, [members]):
        lines = [f"{{{line}}}" for (line,) in batch]
        yield [cells.strict_json(line) for line in lines] if may_be_lenient else lines


def copy_csv(rows: Rows, path: Path, delimiter: str = ",", *, raw: bool) -> Chunk:
    """Write the rows as `csv_pieces` does, but at the speed of COPY, to `path` in the workspace.

    This executes the SQL twice, because COPY does not count neutralised cells: both executions must give the
    same rows. The second one is not sorted, because sorting would take longer than everything else.
    """
    names, renamed = _heading(rows, raw=raw)
    fields = ", ".join(
        f"{_safe_text(n, column, raw=raw)} as {identifier(name)}"
        for n, (column, name) in enumerate(zip(rows.columns, names, strict=True), 1)
    )
    options = f"format csv, header true, delimiter {literal(delimiter)}"
    copied = _copy(rows, f"select {fields} from (\n{rows.sql}\n)", path, options)
    if raw:
        return copied
    counted = rows.execute(f"select sum({_formulas(rows)}) from (\n{unordered(rows)}\n)")
    (formulas,) = counted.fetchall()[0]
    return copied._replace(neutralised=renamed + int(formulas or 0))


def copy_parquet(rows: Rows, path: Path) -> Chunk:
    """Write the rows as Parquet, with their own types but JSON as text, to `path` in the workspace."""
    return _copy(rows, json_as_text(rows), path, "format parquet, compression zstd")


def json_as_text(rows: Rows) -> str:
    """SQL for the rows with JSON as text: other programs read DuckDB's type as binary, or not at all."""
    columns = ", ".join(
        f"cast(#{n} as {column.type.replace('JSON', 'VARCHAR')}) as {identifier(column.name)}"
        if column.type in {"JSON", "JSON[]"}
        else f"#{n}"
        for n, column in enumerate(rows.columns, 1)
    )
    return f"select {columns} from (\n{rows.sql}\n)"


def _copy(rows: Rows, sql: str, path: Path, options: str) -> Chunk:
    copied = rows.execute(f"copy (\n{sql}\n) to {literal(str(path))} ({options})").fetchall()
    # DuckDB returns no count for a PIVOT that finds its columns itself, which is several statements in one.
    counted = copied or rows.execute(f"select count(*) from (\n{sql}\n)").fetchall()
    return Chunk("", rows=counted[0][0])


def unordered(rows: Rows) -> str:
    """SQL for the same rows without the final order, unless the order matters, as it does before a LIMIT."""
    try:
        serialized = rows.warehouse.db.execute("select json_serialize_sql($1)", [rows.sql])
        tree = json.loads(serialized.fetchall()[0][0])
        query = tree["statements"][0]["node"]
        if [modifier["type"] for modifier in query["modifiers"]] != ["ORDER_MODIFIER"]:
            return rows.sql
        query["modifiers"] = []
        written = rows.warehouse.db.execute("select json_deserialize_sql($1)", [json.dumps(tree)])
        sql: str = written.fetchall()[0][0]
        rows.execute(f"explain {sql}").fetchall()
    except (duckdb.Error, KeyError):  # DuckDB cannot serialize every statement
        return rows.sql
    return sql


def _csv_lines(rows: Rows, line: str, formulas: str, end: str) -> Iterator[Chunk]:
    for batch in batches(rows, [line, formulas]):
        lines = "".join(f"{line}{end}" for line, _ in batch)
        yield Chunk(lines, rows=len(batch), neutralised=sum(formulas for _, formulas in batch))


def _heading(rows: Rows, *, raw: bool) -> tuple[list[str], int]:
    """The names of the columns, and how many were neutralised: PIVOT turns values into names."""
    names = [column.name for column in rows.columns]
    if raw:
        return names, 0
    formulas = [re.match(cells.FORMULA, name) is not None for name in names]
    return [f"'{name}" if formula else name for name, formula in zip(names, formulas, strict=True)], sum(
        formulas
    )


def _csv_name(name: str, delimiter: str) -> str:
    must_be = re.search(cells.quoted_where(delimiter), name)
    return '"' + name.replace('"', '""') + '"' if must_be else name


def _csv_field(n: int, column: Column, delimiter: str, *, raw: bool) -> str:
    shown = _safe_text(n, column, raw=raw)
    return cells.csv_field(shown, delimiter) if cells.is_text(column.type) else f"coalesce({shown}, '')"


def _formulas(rows: Rows) -> str:
    """SQL for the number of cells in a row that begin like a formula."""
    counts = [
        f"case when {cells.begins_formula(_text(n, column))} then 1 else 0 end"
        for n, column in enumerate(rows.columns, 1)
        if cells.is_text(column.type)
    ]
    return " + ".join(counts) or "0"


def _safe_text(n: int, column: Column, *, raw: bool) -> str:
    shown = _text(n, column)
    return shown if raw or not cells.is_text(column.type) else cells.neutralised(shown)


def _text(n: int, column: Column) -> str:
    return cells.text(f"#{n}", column.type)
