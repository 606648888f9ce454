r"""Commands of other database shells that `rollcall query` accepts, such as `.tables` and `\d`."""

from pipelines.commands.describe import describe, describe_all
from pipelines.common.sql import literal
from pipelines.output.result import Rows, rows_of
from pipelines.warehouse.reader import Warehouse

_HELP = (
    (".tables", "the tables and macros, with their number of rows"),
    (".schema NAME", "the columns of a table or macro"),
    ("from projects limit 5", "the first rows of a table"),
    ("summarize projects", "the values of each column: lowest, highest, how many, how many are null"),
    ("from projects_on('2026-11-01')", "the projects on a date"),
    ("select status, count(*) from projects group by all", "how many projects have each status"),
)


def shell_command(warehouse: Warehouse, text: str) -> Rows | None:
    """The answer to a command of another shell; None if `text` is not one.

    Raises UsageError if the command names a table that does not exist.
    """
    match text.strip().rstrip(";").split():
        case [".tables" | ".schema" | r"\d" | r"\d+" | r"\dt"]:
            return describe_all(warehouse)
        case [".schema" | r"\d" | r"\d+", name]:
            return describe(warehouse, name).columns
        case ["?" | r"\?" | ".help" | "help"]:
            lines = ", ".join(f"({literal(query)}, {literal(answer)})" for query, answer in _HELP)
            return rows_of(warehouse, f"from (values {lines}) as help(query, answer)")
    return None
