"""`rollcall notebook`: a marimo notebook over the warehouse, to start from."""

import shutil
from pathlib import Path

from pipelines.common.errors import UsageError
from pipelines.common.sql import SQL_ROOT

NAME = "projects.py"
# Next to the SQL, in a checkout as in an installed package.
_TEMPLATE = SQL_ROOT.parent / "notebooks" / NAME


def notebook(file: Path) -> Path:
    """Write the notebook to `file`, and return its path. Raises UsageError if there is already a file."""
    if file.exists():
        raise UsageError(f"{file} exists already", "name another file")
    if not file.absolute().parent.is_dir():
        raise UsageError(f"there is no directory {file.absolute().parent}", "create it, or name another file")
    shutil.copyfile(_TEMPLATE, file)
    return file
