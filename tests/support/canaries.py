"""Promise 21, after every test that executes a run: no secret is in a file, an argument or a stream."""

import base64
import gzip
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq

LEAST = 8  # characters: a shorter secret may occur by chance

known: set[str] = set()
"""Every spelling of every secret that a run of this session was configured with."""


def canaries(home: Path) -> set[str]:
    """The spellings of the secrets that are configured in `home`, kept in `known` from now on."""
    secrets = home / ".dlt" / "secrets.toml"
    given = tomllib.loads(secrets.read_text()) if secrets.exists() else {}
    tables = (*given.get("sources", {}).values(), given.get("warehouse", {}))
    found = {value for table in tables for value in table.values() if len(str(value)) >= LEAST}
    spelled = {spelling for secret in found for spelling in _spellings(str(secret))}
    known.update(spelled)
    return spelled


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    for before in range(3):  # at every alignment of the encoded text
        encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
        yield encoded[2 * before :][:-1]


def leaks(home: Path, below: str, *texts: str) -> list[str]:
    """Where a secret of `home` is: in files `below` a folder of it, in arguments of processes, in `texts`."""
    spelled = canaries(home)
    if not spelled:
        return []
    found = [f"text: {text[:80]}" for text in texts if any(spelling in text for spelling in spelled)]
    for path in (*(home / below).rglob("*"), *Path("/proc").glob("[0-9]*/cmdline")):
        if path != home / ".dlt" / "secrets.toml" and _holds(path, spelled):
            found.append(str(path))
    warehouse = home / below / "warehouse.duckdb"
    if warehouse.exists() and _is_in_a_table(warehouse, spelled):
        found.append(f"a table of {warehouse}")
    return found


def _holds(path: Path, spelled: set[str]) -> bool:
    """Whether a file contains one of these, as it is or unpacked."""
    try:
        content = path.read_bytes()
    except OSError:  # a directory, or a process that has ended
        return False
    contents = [content]
    if content.startswith(b"\x1f\x8b"):
        contents.append(gzip.decompress(content))
    elif content.startswith(b"PAR1"):
        contents.append(str(pq.read_table(path).to_pylist()).encode())
    return any(spelling.encode() in part for part in contents for spelling in spelled)


def _is_in_a_table(path: Path, spelled: set[str]) -> bool:
    """DuckDB compresses its values. Everything published is built from `raw`."""
    pattern = "|".join(map(re.escape, spelled))
    with duckdb.connect(str(path), read_only=True) as db:
        tables = db.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        return any(
            db.execute(
                f'select 1 from raw."{table}" as t where regexp_matches(t::varchar, $1) limit 1',
                [pattern],
            ).fetchall()
            for (table,) in tables
        )
