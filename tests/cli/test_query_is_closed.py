"""Promise 24: `query` can only read the warehouse. It reaches no files, network, extensions or settings."""

import contextlib
import hashlib
import re
import sqlite3
from pathlib import Path

import duckdb
import pytest

from pipelines.commands.query import query
from pipelines.common.errors import UsageError
from pipelines.output.result import batches
from pipelines.warehouse import reader as reading

from .conftest import Cli

secret_in_python = [{"stolen": 1}]

WRITES = """
    copy projects to '{dir}/x.csv'
    copy (select 1) to '/dev/stdout'
    copy runs from '{dir}/there.csv'
    copy from database warehouse to x
    export database '{dir}/x'
    import database '{dir}/x'
    attach '{dir}/x.duckdb'
    attach ':memory:' as x
    attach 'http://127.0.0.1:9/x.duckdb' as x
    detach warehouse
    use x
    create table x as select 1
    create temp table x as select 1
    create or replace temp view x as select 1
    create temp macro x() as 1
    create sequence x
    create schema x
    create type x as enum ('a')
    create secret x (type s3)
    create temp table x as pivot projects on kind using count(*)
    insert into runs select * from runs
    update runs set outcome = 'verified'
    delete from runs
    truncate runs
    drop table runs
    alter table runs add column x integer
    merge into runs using runs as n on true when matched then delete
    comment on table runs is 'x'
    with x as (delete from runs returning *) from x
    with x as (insert into runs select * from runs returning *) from x
    begin
    begin; delete from runs; commit
    checkpoint
    force checkpoint
    vacuum
    analyze
    explain analyze delete from runs
    explain analyze create table x as select 1
    explain analyze copy projects to '{dir}/x.csv'
    explain analyze pragma version
    explain analyze create temp table x as select 1
    explain analyze vacuum
    explain analyze checkpoint
    explain (analyze) pragma version
    EXPLAIN /* why */ ( format json, analyze ) vacuum
    explain\u00a0analyze\u00a0checkpoint
    explain (analyze) (analyze) checkpoint
    explain analyze set threads = 1
    explain explain select 1
    explain create table x as select 1
"""
FILES = """
    from '/etc/passwd'
    from '{dir}/there.csv'
    from '{dir}/there.json'
    from '{dir}/*.parquet'
    from '{warehouse}'
    from read_csv('{dir}/there.csv')
    from read_csv_auto('{dir}/there.csv')
    from "read_csv"('{dir}/there.csv')
    from READ_CSV /* why */ ('{dir}/there.csv')
    from read_csv\u00a0('{dir}/there.csv')
    from system.main.read_csv('{dir}/there.csv')
    from sniff_csv('{dir}/there.csv')
    from read_text('/etc/passwd')
    from read_text('{warehouse}')
    from read_blob('{warehouse}')
    from read_duckdb('{warehouse}', table_name = 'runs')
    from read_json('{dir}/there.json')
    from read_json_objects('{dir}/there.json')
    from read_ndjson('{dir}/there.json')
    from read_parquet('{dir}/there.parquet')
    from parquet_scan('{dir}/there.parquet')
    from parquet_metadata('{dir}/there.parquet')
    from parquet_schema('{dir}/there.parquet')
    from parquet_kv_metadata('{dir}/there.parquet')
    from glob('/*')
    from query('from glob(''/*'')')
    from query_table('{dir}/there.csv')
    from json_execute_serialized_sql(json_serialize_sql('select 1'))
    select (select content from read_text('/etc/passwd'))
    select * from projects where name in (from read_text('/etc/passwd') select content)
    explain analyze from read_csv('{dir}/there.csv')
    describe from read_csv('{dir}/there.csv')
    summarize '{dir}/there.csv'
    pivot '{dir}/there.csv' on a using count(*)
    from (pivot read_csv('{dir}/there.csv') on a using count(*))
    from 'http://127.0.0.1:9/x.csv'
    from read_csv('https://127.0.0.1:9/x.csv')
    from 's3://bucket/x.parquet'
    from sqlite_scan('{dir}/x.db', 'x')
    from secret_in_python
    from arrow_scan(1, 1, 1)
    from pandas_scan(1)
    from python_map_function(1)
"""
SETTINGS = """
    install httpfs
    load httpfs
    load '{dir}/x.duckdb_extension'
    update extensions
    set enable_external_access = true
    set lock_configuration = false
    set memory_limit = '100GB'
    set threads = 64
    set TimeZone = 'Asia/Tokyo'
    set temp_directory = '{dir}'
    set allowed_directories = ['/']
    set variable x = 1
    reset memory_limit
    pragma memory_limit = '100GB'
    pragma threads = 64
    pragma enable_profiling
    pragma profile_output = '{dir}/x'
    pragma enable_checkpoint_on_shutdown
    pragma version
    pragma database_list
    call enable_logging()
    call pragma_version()
    from enable_logging()
    from enable_logging(storage = 'file', storage_path = '{dir}/x')
    from Enable_Logging(storage = 'stdout')
    select * from projects, enable_logging()
    from disable_logging()
    from truncate_duckdb_logs()
    from enable_profiling()
    from force_checkpoint()
    from checkpoint()
    prepare x as select 1
    execute x
    deallocate x
    select 1; select 2
    select 1; drop table runs
    pivot runs on outcome using count(*); pivot runs on outcome using count(*)
    from which_secret('s3://x', 's3')
"""


def _each(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.fixture
def there(tmp_path: Path) -> dict[str, bytes]:
    """The user's files, by name."""
    files = {"there.csv": b"a\n1\n", "there.json": b'{"a": 1}', "there.parquet": b"PAR1"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return files


def test_promise_24_a_statement_that_does_not_read_is_refused(
    cli: Cli, tmp_path: Path, there: dict[str, bytes]
) -> None:
    warehouse = cli.home / "warehouse.duckdb"
    before = hashlib.sha256(warehouse.read_bytes()).digest()
    for statements in (WRITES, FILES, SETTINGS):
        with reading.open_warehouse(warehouse) as opened:
            for template in _each(statements):
                sql = template.format(dir=tmp_path, warehouse=warehouse)
                with pytest.raises(UsageError) as refused:
                    pytest.fail(f"{sql}: {[*batches(query(opened, sql), ['*'])]}")
                assert "\n" not in f"{refused.value}", sql
                assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == there, sql
    assert hashlib.sha256(warehouse.read_bytes()).digest() == before
    assert [path.name for path in cli.home.iterdir()] == ["warehouse.duckdb"]


@pytest.mark.parametrize(
    "sql", ["copy projects to '{dir}/x.csv'", "from '{dir}/there.csv'", "set threads = 64"]
)
def test_promise_24_the_command_line_refuses_it_in_one_line(
    cli: Cli, tmp_path: Path, there: dict[str, bytes], sql: str
) -> None:
    result = cli("query", sql.format(dir=tmp_path), "--format", "csv", code=2)
    assert result.stdout == ""
    assert re.fullmatch(r"rollcall: [^\n]+\n(LINE \d+: [^\n]+\n *\^\n)?", result.stderr)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == there


@pytest.mark.parametrize(
    "sql",
    [
        "from read_text($a)",
        "from query($a)",
        "from query_table($a)",
        "from $a",
        "copy (select 1) to $a",
        "set variable x = $a",
        "attach $a",
        "prepare x as select $a",
        "delete from runs where outcome = $a",
    ],
)
def test_promise_24_a_parameter_cannot_open_a_file(cli: Cli, tmp_path: Path, sql: str) -> None:
    file = tmp_path / "there.txt"
    file.write_text("x")
    result = cli("query", sql, "--param", f"a={file}", "--format", "csv", code=2)
    assert (result.stdout, result.stderr.count("rollcall: ")) == ("", 1)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["x"]


def test_refusals_are_explained(cli: Cli) -> None:
    assert cli("query", "delete from runs", code=2).stderr == (
        "rollcall: DELETE is not allowed: a query can only read. Begin with SELECT, WITH, FROM, VALUES, "
        "DESCRIBE, SHOW, SUMMARIZE, PIVOT, UNPIVOT, EXPLAIN\n"
    )
    assert cli("query", "select 1; select 2", code=2).stderr == (
        "rollcall: the query has more than one statement. Run them one at a time\n"
    )
    assert cli("query", "from read_csv('x')", code=2).stderr == (
        "rollcall: read_csv() is not allowed. A query reads the tables of the warehouse and nothing else\n"
    )


def test_statements_about_the_warehouse_are_allowed(cli: Cli) -> None:
    for sql in (
        "select count(*) > 0 as a from duckdb_tables()",
        "select count(*) > 0 as a from duckdb_columns() where comment is not null",
        "select count(*) > 0 as a from pragma_table_info('projects')",
        "select bool_and(value is not null) as a from json_each('[1, 2]')",
        "select count(*) = 3 as a from generate_series(1, 3)",
        "select unnest([true]) as a",
        "select current_setting('TimeZone') = 'UTC' as a",
        "select 'read_csv(''x'')' <> '' as a -- read_csv('x')",
    ):
        assert cli("query", sql, "--format", "csv").stdout == "a\ntrue\n", sql


@pytest.mark.parametrize(
    "statement",
    [
        "create macro main.regexp_matches(a, b) as false",
        "create macro main.REGEXP_MATCHES(a, b) as false",
        "create macro main.string_split(a, b) as ['x']",
        "create macro main.duckdb_functions() as table select 'x' as function_name",
        'create macro main."||"(a, b) as a',
        "create macro main.lower(a) as a",
        "create type main.json as enum ('x')",
    ],
)
def test_promise_24_a_file_that_hides_what_duckdb_brings_is_refused(tmp_path: Path, statement: str) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as db:
        db.execute(statement)
    name = re.split(r"[ (]", statement.split(".")[1])[0] if "main." in statement else ""
    result = Cli(tmp_path)("query", "select 1", code=2)
    assert result.stderr == (
        f"rollcall: {warehouse} contains a macro or type that hides DuckDB's own "
        f"{name.strip(chr(34)).lower()}. Drop it, or run `rollcall sync`, which removes it\n"
    )


@pytest.mark.parametrize("verb", ["export", "status"])
def test_promise_24_every_verb_refuses_a_file_that_hides_what_duckdb_brings(home: Path, verb: str) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("create macro main.lower(a) as a")
    assert "hides DuckDB's own lower." in Cli(home)(verb, code=2).stderr


def test_duckdb_is_opened_in_one_place() -> None:
    package = Path(reading.__file__).parents[1]
    opening = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"duckdb\.connect\(|from duckdb import", path.read_text())
    }
    assert opening == {"common/database.py"}


@pytest.mark.parametrize("verb", [("query", "from projects"), ("sync",), ("status",)], ids=" ".join)
def test_promise_24_an_sqlite_file_makes_duckdb_fetch_nothing(
    tmp_path: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MATTER__BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SOURCES__MATTER__ACCESS_TOKEN", "token")
    warehouse = tmp_path / "warehouse.duckdb"
    with contextlib.closing(sqlite3.connect(warehouse)) as connection:
        connection.execute("create table t (a)")
        connection.commit()
    before = warehouse.read_bytes()
    result = Cli(tmp_path)(*verb, code=2)
    assert f"{warehouse} cannot be read" in result.stderr
    assert "download" not in result.stderr
    assert warehouse.read_bytes() == before
