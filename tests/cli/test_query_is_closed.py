"""Promise 24: `query` can only read, within limits. It reaches no files, network, extensions or settings."""

import contextlib
import gc
import hashlib
import os
import re
import sqlite3
import subprocess
import warnings
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
    "sql",
    [
        "select count(*) from range(1000000000000) t(i) where i % 7 = 3",
        "select i from range(1000000000000) t(i) where hash(i) = 1",
        "with recursive r as (select 1 as i union all select i + 1 from r) select max(i) from r",
        "pivot (select range % 3 as i from range(1000000000000)) on i using count(*)",
        "explain analyze select count(*) from range(1000000000000) t(i) where i % 7 = 3",
        "select pg_sleep(1000)",
    ],
)
def test_promise_24_a_query_ends_in_time(cli: Cli, sql: str) -> None:
    result = cli("query", sql, "--timeout", "0.1", "--format", "csv", code=2)
    assert result.stderr == ("rollcall: the query took longer than 0.1 s. Simplify it, or raise --timeout\n")


def test_an_endless_answer_ends_in_time(cli: Cli) -> None:
    result = cli("query", "from range(1000000000000)", "--timeout", "1", "--format", "csv", code=2)
    assert result.stdout.startswith("range\n0\n1\n2\n")
    assert "took longer than 1 s" in result.stderr


def test_an_endless_stream_of_arrow_ends_in_time(cli: Cli) -> None:
    command = cli.command("query", "from range(1000000000000)", "--timeout", "0.3", "--format", "arrow")
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (
        2,
        "rollcall: the query took longer than 0.3 s. Simplify it, or raise --timeout\n",
    )


def test_a_query_that_ignores_interrupts_still_ends(cli: Cli, tmp_path: Path) -> None:
    deaf = "select levenshtein(repeat('a', 400000), repeat('b', 400000))"
    done = subprocess.run(
        cli.command("query", deaf, "--timeout", "0.1", "--output", str(tmp_path / "x.csv")),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("rollcall: the query took longer than 0.1 s. Simplify it, or raise --timeout\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "select length(repeat('x', 4000000000)) as n",
        "select len(range(1000000000)) as n",
        "select list(range) as l from range(1000000000)",
        "select string_agg(repeat('x', 1000000), '') as s from range(5000)",
    ],
)
def test_promise_24_memory_is_bounded(cli: Cli, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    monkeypatch.setitem(reading.BOUNDS, "memory_limit", "100MB")
    result = cli("query", sql, code=2)
    assert result.stderr == (
        f"rollcall: the result needs more memory than the {reading.MEMORY_MB} MB allowed. "
        "Ask for fewer rows or columns\n"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 where true" + " and true" * 99_999,
        "select 1 where true" + " or false" * 99_999,
    ],
    ids=["and", "or"],
)
def test_promise_24_a_text_that_is_slow_to_parse_ends_in_time(cli: Cli, sql: str) -> None:
    command = cli.command("query", "-", "--timeout", "0.5")
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("rollcall: the query took longer than 0.5 s. Simplify it, or raise --timeout\n")


def test_a_long_list_of_ids_is_a_query(cli: Cli) -> None:
    ids = ", ".join(f"'id-{n}'" for n in range(20_000))
    sql = f"select count(*) as n from projects where project_id not in ({ids})"
    assert cli("query", "-", "--format", "csv", input=sql).stdout == "n\n6\n"


def test_a_text_of_more_than_a_million_characters_is_refused(cli: Cli) -> None:
    sql = f"select '{'x' * (1 << 20)}'"
    result = cli("query", "-", input=sql, code=2)
    assert result.stderr == (
        "rollcall: the SQL has 1,048,585 characters; at most 1,048,576 are allowed. Put long lists into a "
        "table of your own\n"
    )


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx", "arrow"])
def test_promise_24_an_answer_does_not_fill_the_disk(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE_MB", 1)
    target = tmp_path / "x"
    sql = "select hash(range) as a, hash(range + 1)::varchar as b from range(200000)"
    with warnings.catch_warnings():
        # XlsxWriter leaves its temporary files open if it fails.
        warnings.simplefilter("ignore", ResourceWarning)
        stderr = cli("query", sql, "--format", form, "--output", str(target), code=2).stderr
        gc.collect()
    assert stderr == (
        "rollcall: the result is larger than the 1 MB that one file may have. Ask for fewer rows or "
        "columns, or free some disk space\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "jsonl", "arrow"])
def test_a_redirected_answer_is_whole_or_nothing(cli: Cli, tmp_path: Path, form: str) -> None:
    target = tmp_path / "x"
    endless = cli.command("query", "from range(1000000000000)", "--timeout", "0.5", "--format", form)
    with target.open("wb") as file:
        done = subprocess.run(endless, stdout=file, stderr=subprocess.PIPE, check=False, timeout=60)
    assert (done.returncode, target.read_bytes()) == (2, b"")

    with target.open("wb") as file:
        subprocess.run(cli.command("query", "select 7 as a", "--format", "csv"), stdout=file, check=True)
    assert target.read_text() == "a\n7\n"


@pytest.mark.parametrize("form", ["csv", "jsonl", "arrow", "table"])
def test_a_query_that_times_out_before_its_first_row_writes_nothing(cli: Cli, form: str) -> None:
    slow = "select count(*) as n from range(1000000000000) t(i) where i % 7 = 3"
    assert cli("query", slow, "--timeout", "0.1", "--format", form, code=2).stdout == ""


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


def test_promise_24_disk_is_bounded(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reading.BOUNDS, "memory_limit", "20MB")
    monkeypatch.setitem(reading.BOUNDS, "max_temp_directory_size", "10MB")
    result = cli(
        "query", "select hash(range) as h, repeat('x', 50) as x from range(2000000) order by h", code=2
    )
    assert "needs more memory" in result.stderr
