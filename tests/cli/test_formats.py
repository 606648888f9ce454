"""The output formats: how each writes null, digits, times, types and names."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.ipc
import pytest

from .conftest import Cli

ALL_TYPES = """
    select
        1::tinyint as whole,
        170141183460469231731687303715884105727::hugeint as huge,
        1.50::decimal(9, 2) as money,
        0.1::double as fraction, 'infinity'::double as boundless, true as truth, date '2026-11-01' as day,
        timestamptz '2026-11-01 04:00:00.120+02' as instant, timestamp '2026-11-01 04:00:00' as local_time,
        ['a', null] as list, {'a': 1, 'b': [2]} as structure, '{"n":1.50}'::json as json,
        'b'::enum ('a', 'b') as enum, '\\xAA'::blob as bytes, interval (-1) day as span,
        null as nothing, '' as empty, 'a,"b"' || chr(10) as text
"""


def test_csv_writes_each_type_in_its_form(cli: Cli) -> None:
    result = cli("query", ALL_TYPES, "--format", "csv")
    assert result.stdout == (
        "whole,huge,money,fraction,boundless,truth,day,instant,local_time,list,structure,json,enum,bytes,span,"
        "nothing,empty,text\n"
        "1,170141183460469231731687303715884105727,1.50,0.1,inf,true,2026-11-01,2026-11-01T02:00:00.12Z,"
        '2026-11-01T04:00:00,"[""a"",null]","{""a"":1,""b"":[2]}","{""n"":1.50}",b,\\xAA,\'-1 day,,"",'
        '"a,""b""\n"\n'
    )
    assert result.stderr == "1 cell prefixed with ' to keep spreadsheets from running formulas; see --raw\n"


def test_json_keeps_every_digit(cli: Cli) -> None:
    result = cli("query", ALL_TYPES, "--json")
    assert result.stdout == (
        '[\n{"whole":1,"huge":170141183460469231731687303715884105727,"money":1.50,"fraction":0.1,'
        '"boundless":"inf","truth":true,"day":"2026-11-01","instant":"2026-11-01T02:00:00.12Z",'
        '"local_time":"2026-11-01T04:00:00","list":["a",null],"structure":{"a":1,"b":[2]},"json":{"n":1.50},'
        '"enum":"b","bytes":"\\\\xAA","span":"-1 day","nothing":null,"empty":"","text":"a,\\"b\\"\\n"}\n]\n'
    )
    json.loads(result.stdout)
    assert cli("query", "--format", "json", ALL_TYPES).stdout == result.stdout


def test_a_table_is_aligned_and_complete(cli: Cli) -> None:
    result = cli("query", "select project_key, name, version, client_name from projects order by 1")
    assert result.stdout == (
        "project_key    name          version  client_name\n"
        "belltastic:17  Bells               1\n"
        "belltastic:5   Chimes              1\n"
        "evovoice:c1    Quay                1  Quay\n"
        "matter:17      Harbour East        3\n"
        'matter:18      =1+1                2  Über, "Bau"\\nGmbH\n'
        "matter:19      \\x1b[31mred         1\n"
    )
    assert result.stderr == ""


def test_a_table_longer_than_its_sample_is_complete(cli: Cli) -> None:
    result = cli("query", "select 'x' || range as x, range as n from range(10000, 15000)")
    lines = result.stdout.splitlines()
    assert len(lines) == 5001
    assert lines[0] == "x           n"
    assert lines[-1] == "x14999  14999"


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_an_empty_answer_has_its_columns(cli: Cli, form: str) -> None:
    expected = {"table": "a  b\n", "csv": "a,b\n", "json": "[]\n"}
    assert cli("query", "select 1 as a, 'x' as b limit 0", "--format", form).stdout == expected[form]


def test_names_given_twice_or_with_quotes(cli: Cli) -> None:
    sql = 'select 1 as a, 2 as A, 3 as "b ""c"",", 4 as "=d"'
    assert cli("query", sql, "--json").stdout == '[\n{"a":1,"A_1":2,"b \\"c\\",":3,"=d":4}\n]\n'
    assert cli("query", sql, "--format", "csv").stdout == 'a,A_1,"b ""c"",",\'=d\n1,2,3,4\n'


def test_raw_leaves_formulas_unchanged(cli: Cli) -> None:
    sql = "select unnest(['=1', '''=1', '-', '@x', 'a=1', '''', chr(9), chr(13) || 'b']) as \"+t\", -1 as n"
    neutral = cli("query", sql, "--format", "csv")
    assert neutral.stdout == "'+t,n\n'=1,-1\n''=1,-1\n'-,-1\n'@x,-1\na=1,-1\n',-1\n'\t,-1\n\"'\rb\",-1\n"
    assert neutral.stderr == "7 cells prefixed with ' to keep spreadsheets from running formulas; see --raw\n"
    raw = cli("query", sql, "--format", "csv", "--raw")
    assert raw.stdout == "+t,n\n=1,-1\n'=1,-1\n-,-1\n@x,-1\na=1,-1\n',-1\n\t,-1\n\"\rb\",-1\n"
    assert raw.stderr == ""


def test_parquet_keeps_types(cli: Cli, tmp_path: Path) -> None:
    sql = "select 1::smallint as a, timestamptz '2026-11-01 02:00:00Z' as b, ['=x'] as c, '=y' as d"
    file = tmp_path / "answer.parquet"
    cli("query", sql, "--output", str(file))
    piped = tmp_path / "piped.parquet"
    piped.write_bytes(cli("query", sql, "--format", "parquet").stdout_bytes)
    for written in (file, piped):
        read = duckdb.sql(f"from '{written}'")
        assert [str(kind) for kind in read.types] == [
            "SMALLINT",
            "TIMESTAMP WITH TIME ZONE",
            "VARCHAR[]",
            "VARCHAR",
        ]
        assert duckdb.sql(f"select a, epoch(b), c, d from '{written}'").fetchall() == [
            (1, 1793498400.0, ["=x"], "=y")
        ]


def test_arrow_keeps_types(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "answer.arrow"
    assert cli("query", ALL_TYPES, "--output", str(file)).stderr == f"wrote 1 row to {file}\n"
    piped = cli("query", ALL_TYPES, "--format", "arrow").stdout_bytes
    read = pyarrow.ipc.open_file(file).read_all()
    assert pyarrow.ipc.open_stream(piped).read_all().equals(read)
    (row,) = read.to_pylist()
    assert (row["huge"], row["money"]) == (2**127 - 1, Decimal("1.50"))
    assert row["instant"] == datetime(2026, 11, 1, 2, 0, 0, 120000, UTC)
    assert (row["list"], row["structure"], row["bytes"]) == (["a", None], {"a": 1, "b": [2]}, b"\xaa")
    assert (row["nothing"], row["empty"], row["text"], row["enum"]) == (None, "", 'a,"b"\n', "b")


def test_arrow_of_many_and_of_no_rows(cli: Cli) -> None:
    many = cli("query", "from range(40000) where range >= $a", "-p", "a=1", "--format", "arrow").stdout_bytes
    assert pyarrow.ipc.open_stream(many).read_all()["range"].to_pylist() == list(range(1, 40000))
    none = cli("query", "select 1 as a limit 0", "--format", "arrow").stdout_bytes
    assert pyarrow.ipc.open_stream(none).read_all().to_pydict() == {"a": []}


def test_null_and_an_empty_string_look_different(cli: Cli) -> None:
    sql = "select null as a, '' as b, 'x' as c"
    assert cli("query", sql).stdout == 'a  b   c\n   ""  x\n'
    assert cli("query", sql, "--format", "csv").stdout == 'a,b,c\n,"",x\n'
    assert cli("query", sql, "--json").stdout == '[\n{"a":null,"b":"","c":"x"}\n]\n'


def test_csv_for_excel_keeps_ids_as_text(cli: Cli, tmp_path: Path) -> None:
    sql = "select '007' as id, null as a, '' as b"
    expected = '\ufeffid,a,b\r\n"=""007""",,""\r\n'
    assert cli("query", sql, "--excel").stdout_bytes.decode() == expected
    cli("query", sql, "--excel", "--output", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_bytes().decode() == expected
    for wrong in (["--raw"], ["--json"], ["--format", "xlsx"], ["--output", "a.parquet"]):
        assert "--excel writes CSV" in cli("query", sql, "--excel", *wrong, code=2).stderr


def test_tsv_neutralises_and_quotes_cells(cli: Cli, tmp_path: Path) -> None:
    sql = (
        "select * from (values ('=1+1', 'a,b'), ('x' || chr(9) || 'y', 'a\"b'), (null, '')) "
        'as rows(a, "+b") order by a nulls last'
    )
    expected = 'a\t\'+b\n\'=1+1\ta,b\n"x\ty"\t"a""b"\n\t""\n'
    result = cli("query", sql, "--output", str(tmp_path / "a.tsv"))
    assert (tmp_path / "a.tsv").read_text() == expected
    assert "2 cells prefixed with '" in result.stderr
    assert cli("query", sql, "--format", "tsv").stdout == expected
    assert cli("query", sql, "--format", "tsv", "--raw").stdout == expected.replace("'", "")


def test_json_with_another_format_is_refused(cli: Cli) -> None:
    result = cli("query", "select 1", "--json", "--format", "csv", code=2)
    assert result.stderr == (
        "rollcall: --json and --format csv contradict each other. See rollcall query --help\n"
    )


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("['nan'::double, 1]", ["NaN", 1.0]),
        ("{'a': ['-inf'::float]}", {"a": ["-Infinity"]}),
        ("array_value(1::float, 'inf'::float)", [1.0, "Infinity"]),
        ("[timestamptz 'infinity']", ["infinity"]),
        ("""'{"a": NaN, "b": [1, ], }'::json""", {"a": "NaN", "b": [1]}),
        ("""'["NaN, ]", "\\\\", "\\", inf ]"]'::json""", ["NaN, ]", "\\", '", inf ]']),
        ("'nan'::json", "nan"),
        ("to_json('inf'::double)", "Infinity"),
    ],
)
@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_is_valid_for_every_value(cli: Cli, sql: str, value: object, form: str) -> None:
    shown = cli("query", f"select {sql} as v", "--format", form).stdout

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(shown, parse_constant=refuse)
    assert (found[0] if form == "json" else found) == {"v": value}
