"""Running the SQL of a model. An error in a model of the user's is reported with its file."""

import duckdb

from pipelines.common.errors import ConfigurationError
from pipelines.transform.model import Model


def execute(db: duckdb.DuckDBPyConnection, model: Model | None, statement: str) -> None:
    """Execute a statement of a model. Raises ConfigurationError if a model in the user's home fails."""
    try:
        db.execute(statement)
    except duckdb.Error as error:
        if model is None or model.is_own:
            raise
        first_line = str(error).splitlines()[0]
        raise ConfigurationError(f"{model.path} does not run ({first_line})", "correct it") from None
