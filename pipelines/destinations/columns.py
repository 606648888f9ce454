"""A published table as its destination has it: columns, their types and descriptions, and the key."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.common.errors import ConfigurationError
from pipelines.common.sql import identifier, read_sql
from pipelines.common.suggest import nearest
from pipelines.destinations.kinds import DELETED, HASH, KEY, Kind
from pipelines.transform.model import Model, read_models
from pipelines.warehouse.published import columns_sql
from pipelines.warehouse.reader import Warehouse

# It would change every row in every run. `connections.last_verified_at` says the same for all but a few.
LEFT_OUT = "last_seen_at"
_NESTED = re.compile(r"JSON|STRUCT|MAP|UNION|.*\[\d*\]$", re.DOTALL)
_AS_IS = frozenset(
    {"VARCHAR", "BOOLEAN", "DOUBLE", "DATE", "BIGINT", "INTEGER", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP"}
)
_AS_OTHER = {
    "BLOB": "blob",
    "FLOAT": "double",
    "HUGEINT": "decimal(38, 0)",
    "SMALLINT": "integer",
    "TINYINT": "integer",
    "UBIGINT": "decimal(38, 0)",
    "UINTEGER": "bigint",
    "USMALLINT": "integer",
    "UTINYINT": "integer",
}


@dataclass(frozen=True)
class Column:
    """A column. `sql` is the SQL for its value in the warehouse, with JSON as text.

    `hashed` is the SQL for what its hash is made of, which takes less time. DuckDB hashes an empty list like
    one that is null, so a nested value is hashed as text.
    """

    name: str
    sql: str
    hashed: str
    is_json: bool
    description: str


@dataclass(frozen=True)
class Table:
    """A table to publish. `key` has the columns that identify a row for readers; Rollcall uses `KEY`."""

    name: str
    description: str
    grain: tuple[str, ...]
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def json_columns(self) -> Mapping[str, bool]:
        """Whether each column holds JSON. The two columns that Rollcall adds are last."""
        return {column.name: column.is_json for column in self.columns} | {KEY: False, HASH: False}

    @property
    def descriptions(self) -> Mapping[str, str]:
        """The description of each column."""
        return {column.name: column.description for column in self.columns}


def tables_to_publish(home: Path, wanted: Sequence[str]) -> dict[str, Model]:
    """The models of the tables to publish, by name: those wanted, or all.

    Raises ConfigurationError if one does not exist, or does not say what identifies its rows.
    """
    models = read_models("marts", home)
    for name in wanted:
        if name not in models:
            raise ConfigurationError(f"there is no table {name} to publish", nearest(name, models))
    chosen = {name: model for name, model in models.items() if not wanted or name in wanted}
    for model in chosen.values():
        if not model.grain:
            raise ConfigurationError(
                f"{model.path} does not say what identifies a row, so {model.name} cannot be published",
                "begin it with a line such as: -- grain: project_key",
            )
    return chosen


def read_table(warehouse: Warehouse, model: Model, kind: Kind) -> Table:
    """Describe a table of the warehouse as the destination is to have it."""
    sql = read_sql("queries/publish/columns", columns=columns_sql(warehouse))
    found = warehouse.db.execute(sql, {"name": model.name}).fetchall()
    columns = tuple(
        Column(name, _value(name, data_type, kind), _hashed(name, data_type), _is_json(data_type), comment)
        for name, data_type, comment in found
        if name != LEFT_OUT
    )
    is_named = not model.nullable
    return Table(model.name, model.description, model.grain, model.grain if is_named else (KEY,), columns)


def _is_json(data_type: str) -> bool:
    return bool(_NESTED.match(data_type))


def _hashed(name: str, data_type: str) -> str:
    return _text_of_json(name) if _is_json(data_type) and data_type != "JSON" else identifier(name)


def _text_of_json(name: str) -> str:
    return f"cast(to_json({identifier(name)}) as varchar)"


def _value(name: str, data_type: str, kind: Kind) -> str:
    column = identifier(name)
    if is_json := _is_json(data_type):
        value = _text_of_json(name)
    elif data_type in _AS_IS or data_type.startswith("DECIMAL"):
        value = column
    else:
        value = f"cast({column} as {_AS_OTHER.get(data_type, 'varchar')})"
    if kind.has_nul:
        return value
    if is_json:  # an escape is not a NUL if its backslash is escaped
        return rf"replace(replace(replace({value}, '\\', chr(1)), '\u0000', '�'), chr(1), '\\')"
    return f"replace({value}, chr(0), '�')" if data_type == "VARCHAR" else value


def changed_rows_sql(table: Table, *, has_stored: bool = True) -> str:
    """SQL for the rows that differ from those in `stored`, a table of keys and hashes.

    A row that `stored` has and the table lacks is among them: its key, with `DELETED` true. Without
    `has_stored`, nothing is compared, and the SQL is for all rows.
    """
    grain = [identifier(name) for name in table.grain]
    texts = ", ".join(f"cast({column} as varchar)" for column in grain)
    return read_sql(
        f"queries/publish/{'changed' if has_stored else 'all'}_rows",
        table=f"main.{identifier(table.name)}",
        values=", ".join(f"{column.sql} as {identifier(column.name)}" for column in table.columns),
        grain=", ".join(grain),
        same=" and ".join(f"held.{column} is not distinct from differing.{column}" for column in grain),
        key=f"md5(cast(to_json([{texts}]) as varchar))",
        key_column=KEY,
        hash=f"cast(hash({', '.join(column.hashed for column in table.columns)}) >> 1 as bigint)",
        hash_column=HASH,
        deleted_column=DELETED,
    )


def descriptions_hash(tables: Sequence[Table]) -> str:
    """A hash of all descriptions of the tables; if it differs, the comments there are outdated."""
    described = [(table.name, table.description, sorted(table.descriptions.items())) for table in tables]
    return hashlib.sha256(repr(described).encode()).hexdigest()[:16]
