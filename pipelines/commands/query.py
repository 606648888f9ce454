"""`rollcall query`: one SELECT over the published warehouse."""

import contextlib
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

import duckdb

from pipelines.commands.shell_commands import shell_command
from pipelines.common.database import is_out_of_memory
from pipelines.common.errors import UsageError
from pipelines.common.sql import literal
from pipelines.common.suggest import nearest
from pipelines.common.text import printable
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse, exceeds_file_limit, first_line, is_damage

READING = ("SELECT", "WITH", "FROM", "VALUES", "DESCRIBE", "SHOW", "SUMMARIZE", "PIVOT", "UNPIVOT", "EXPLAIN")
_READING_TOO = ("(", "TABLE", "DESC", "PIVOT_WIDER", "PIVOT_LONGER")
# A PIVOT that finds its columns itself is several statements in one: of type MULTI from DuckDB 2.0 on.
_TYPES = frozenset({"SELECT", "MULTI"})
# EXPLAIN with its options, which may be in parentheses; a query may be in parentheses too.
_GAP = r"[^\w(]*"
_EXPLAIN = re.compile(
    rf"^{_GAP}explain\b{_GAP}((analy[sz]e|verbose)\b{_GAP})?"
    rf"(\((?!{_GAP}(\(|({'|'.join((*READING, *_READING_TOO[1:]))})\b))[^()]*\){_GAP})?",
    re.IGNORECASE,
)
# The time that DuckDB takes to parse some strings grows with the square of their length.
LONGEST_SQL = 1 << 20
QUICKLY_PARSED = 10_000
# DuckDB's other table functions read files, run strings as SQL or, in 1.5, change how it logs in spite of the
# lock on settings. Those named duckdb_… only list what exists.
_OPEN_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "pg_timezone_names", "pragma_table_info"}
    | {"range", "repeat", "repeat_row", "summary", "unnest"}
)
_EXCERPT = re.compile(r"^LINE (\d+): (.*)\n( *)\^", re.MULTILINE)


def query(warehouse: Warehouse, sql: str, parameters: Mapping[str, str] | None = None) -> Rows:
    """The result of `sql`, with `$name` for the parameter of that name, in lower case.

    `sql` may also be a command of another shell, such as `.tables`.

    Raises UsageError if it is wrong, is not one read-only statement, or has other parameters.
    """
    given = parameters or {}
    with sql_errors_as_usage_errors(sql):
        if (answer := shell_command(warehouse, sql)) is not None:
            return answer
        tokens = _only_statement(sql)
        # The comment above it is dropped, but not its lines: errors name the line.
        statement = "\n" * _lines_above(sql) + "".join(tokens)
        _refuse_slow_parsing(warehouse, statement)
        # EXPLAIN ANALYZE executes the statement.
        explained = _EXPLAIN.sub("", statement)
        parsed = _parse_reading(warehouse, explained)
        _refuse_closed_functions(warehouse, tokens)
        _match({name.lower() for part in parsed for name in part.named_parameters}, given)
        if explained != statement:
            return _plan(warehouse, statement, given)
        return rows_of(warehouse, statement, given)


@contextlib.contextmanager
def sql_errors_as_usage_errors(sql: str) -> Iterator[None]:
    """Turn DuckDB's errors about `sql`, or about SQL that contains it, into UsageErrors."""
    try:
        yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.FatalException):
        raise
    except duckdb.Error as error:
        if is_out_of_memory(error):
            raise duckdb.OutOfMemoryException(str(error)) from None
        if is_damage(error) or exceeds_file_limit(error):
            raise
        raise UsageError(first_line(error), excerpt=excerpt(error, sql)) from None


def excerpt(error: duckdb.Error, sql: str) -> str:
    """The line of `sql` that an error is about, with a mark below the place; empty if there is none.

    DuckDB counts the lines of the SQL that it gets: `sql` itself if that cannot be parsed, else SQL that
    contains it, with up to three lines above.
    """
    found = _EXCERPT.search(str(error))
    if found is None:
        return ""
    number, shown = int(found[1]), found[2]
    lines = sql.split("\n")
    for above in (0,) if isinstance(error, duckdb.ParserException) else (1, 2, 3, 0):
        at = number - above
        if 0 < at <= len(lines) and shown.removeprefix("...").removesuffix("...") in lines[at - 1]:
            return _marked(f"LINE {at}: ", shown, len(found[3]) - len(f"LINE {number}: "))
    return ""


def _refuse_slow_parsing(warehouse: Warehouse, sql: str) -> None:
    """Raise UsageError if parsing would take longer than the query may.

    DuckDB's package holds the interpreter's lock while it parses, so nothing could stop it. A function of SQL
    that parses does not hold the lock, so it measures the time here. Two more parses follow.
    """
    if len(sql) <= QUICKLY_PARSED:
        return
    if len(sql) > LONGEST_SQL:
        raise UsageError(
            f"the SQL has {len(sql):,} characters; at most {LONGEST_SQL:,} are allowed",
            "put long lists into a table of your own",
        )
    started = time.monotonic()
    warehouse.db.execute("select json_serialize_sql($1)", [sql]).fetchall()
    if 2 * (time.monotonic() - started) > warehouse.clock.left():
        raise warehouse.clock.too_late()


def _parse_reading(warehouse: Warehouse, sql: str) -> list[duckdb.Statement]:
    """Parse `sql`. Raises UsageError if it does more than read."""
    word = next(iter(_words(sql)), sql.strip()).upper()
    parsed = warehouse.db.extract_statements(sql)
    if word not in (*READING, *_READING_TOO) or parsed[-1].type.name not in _TYPES:
        raise UsageError(f"{word} is not allowed: a query can only read", f"begin with {', '.join(READING)}")
    return parsed


def _marked(head: str, shown: str, width: int) -> str:
    """A line, safe to show, and below it a mark, at the place that was `width` cells wide in the original."""
    from rich.cells import cell_len  # imported late, because it is slow to import

    before = max((shown[:end] for end in range(len(shown) + 1) if cell_len(shown[:end]) <= width), key=len)
    return f"{head}{printable(shown)}\n{' ' * cell_len(head + printable(before))}^"


def _only_statement(sql: str) -> list[str]:
    """The tokens of the one statement in `sql`, each with what separates it from the next."""
    tokens = _tokens(sql)
    end = next((n for n, token in enumerate(tokens) if token.startswith(";")), len(tokens))
    if not end:
        raise UsageError("the query is empty", 'try: rollcall query "from projects"')
    if not all(token.startswith(";") for token in tokens[end:]):
        raise UsageError("the query has more than one statement", "run them one at a time")
    return tokens[:end]


def _tokens(sql: str) -> list[str]:
    encoded = sql.encode()
    starts = [offset for offset, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    return [encoded[start:end].decode() for start, end in pairwise([*starts, len(encoded)])]


def _lines_above(sql: str) -> int:
    """How many lines end before the first token."""
    start = next(offset for offset, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment)
    return sql.encode()[:start].count(b"\n")


def _words(token: str) -> list[str]:
    # A token may contain invisible characters, which DuckDB reads as spaces after it has split the tokens.
    return re.findall(r"\w+|\(", token)


def _refuse_closed_functions(warehouse: Warehouse, tokens: Sequence[str]) -> None:
    called = {
        word.lower() for token, after in pairwise(tokens) if after.startswith("(") for word in _words(token)
    }
    if not called:
        return
    functions = warehouse.db.execute(
        """
        select function_name from duckdb_functions()
        where database_name = 'system' and function_type = 'table'
        """
    ).fetchall()
    closed = {name for (name,) in functions if not name.startswith("duckdb_")} - _OPEN_FUNCTIONS
    for name in sorted(called & closed):
        raise UsageError(
            f"{name}() is not allowed", "a query reads the tables of the warehouse and nothing else"
        )


def _match(named: Collection[str], given: Collection[str]) -> None:
    """Raise UsageError if the parameters given are not those in the SQL."""
    for name in sorted(set(given) - set(named)):
        raise UsageError(f"the SQL has no parameter ${name}", nearest(name, [f"${name}" for name in named]))
    for name in sorted(set(named) - set(given)):
        raise UsageError(f"the SQL has a parameter ${name}", f"give it a value: --param {name}=VALUE")


def _plan(warehouse: Warehouse, statement: str, parameters: Mapping[str, str]) -> Rows:
    """The plan that EXPLAIN returns, a row for each line."""
    plans = warehouse.db.execute(statement, parameters).fetchall()
    lines = "\n".join(plan for _, plan in plans).rstrip("\n")
    return rows_of(warehouse, f"select nullif(unnest(string_split({literal(lines)}, chr(10))), '') as plan")
