"""DuckDB's own COPY of a report into a CSV file: the least that an export can cost.

Cells are as DuckDB writes them: text that a spreadsheet would run as a formula stays as it is.
"""

import sys
from pathlib import Path

import duckdb


def main(warehouse: Path, report: Path, target: Path) -> None:
    """Write the rows of the SELECT in `report`."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        db.execute(f"copy ({report.read_text(encoding='utf-8')}) to '{target}' (header)")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
