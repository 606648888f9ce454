"""`rollcall query`: what it takes, and how it writes what it finds."""

import json
import os
import stat
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.ipc
import pytest
from pyarrow import feather

from pipelines.warehouse import reader

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


def test_csv(cli: Cli) -> None:
    result = cli("query", ALL_TYPES, "--format", "csv")
    assert result.stdout == (
        "whole,huge,money,fraction,boundless,truth,day,instant,local_time,list,structure,json,enum,bytes,span,"
        "nothing,empty,text\n"
        "1,170141183460469231731687303715884105727,1.50,0.1,inf,true,2026-11-01,2026-11-01T02:00:00.12Z,"
        '2026-11-01T04:00:00,"[""a"",null]","{""a"":1,""b"":[2]}","{""n"":1.50}",b,\\xAA,\'-1 day,,"",'
        '"a,""b""\n"\n'
    )
    assert result.stderr == "1 cell prefixed with ' against formulas; see --raw\n"


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


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1 as a; -- done", "a\n1\n"),
        ("-- why\nselect 1 as a;;", "a\n1\n"),
        ("(select 1 as a)", "a\n1\n"),
        ("with t as (select 1 as a) from t", "a\n1\n"),
        ("values (1), (2)", "col0\n1\n2\n"),
        ("from projects select count(*) as n", "n\n6\n"),
        (
            "table runs limit 0",
            "started_at,finished_at,outcome,rollcall_version,duckdb_version,operation,history_begins_at\n",
        ),
        ("describe select 1 as a", "column_name,column_type,null,key,default,extra\na,INTEGER,YES,,,\n"),
        ("select a from (summarize select 1 as b) t(a)", "a\nb\n"),
        ("pivot projects on connection using count(*) group by status order by all",
         "status,belltastic,evovoice,matter\nactive,2,1,0\ncompleted,0,0,1\nunknown,0,0,2\n"),
        ("from (pivot projects on kind using count(*) group by provider) order by all limit 1",
         "provider,customer,project\nbelltastic,0,2\n"),
        ("unpivot (select 1 as a, 2 as b) on a, b", "name,value\na,1\nb,2\n"),
        ("select * from range(2)", "range\n0\n1\n"),
        ("select name from projects_as_of('2026-11-01 12:00:00Z') where project_id = '5'", "name\nChimes\n"),
        ("select 'select 2; drop table x' as a", "a\nselect 2; drop table x\n"),
        ("select\u00a01\u2003as a", "a\n1\n"),
    ],
)  # fmt: skip
def test_statements_that_read(cli: Cli, sql: str, expected: str) -> None:
    assert cli("query", sql, "--format", "csv").stdout == expected


def test_explain(cli: Cli) -> None:
    for sql in (
        "explain from projects",
        "EXPLAIN ANALYZE select name from projects order by name limit 1 -- why",
    ):
        plan = cli("query", sql).stdout
        assert plan.startswith("plan\n")
        assert "scan" in plan.lower()


def test_show(cli: Cli) -> None:
    tables = cli("query", "show tables", "--format", "csv").stdout.splitlines()
    assert {"projects", "projects_history", "project_changes", "runs"} <= set(tables)


def test_order_survives_many_threads(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reader.BOUNDS, "threads", "4")
    numbers = "select range as n, '=' || range as t from range(400000) order by n desc"
    for form in ("csv", "json", "table"):
        result = cli("query", f"select n from ({numbers}) order by n desc", "--format", form)
        digits = [
            int("".join(filter(str.isdigit, line))) for line in result.stdout.splitlines() if "0" in line
        ]
        assert digits == sorted(digits, reverse=True)


def test_sql_from_standard_input(cli: Cli) -> None:
    assert cli("query", "-", "--format", "csv", input="select 'ü' as a").stdout == "a\nü\n"
    assert cli("query", "--format", "csv", input="select 1 as a\n").stdout == "a\n1\n"
    assert cli("query", "-", input=b"select '\xff'", code=2).stderr == (
        "rollcall: standard input is not UTF-8. See rollcall query --help\n"
    )


def test_sql_from_a_file(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "report.sql"
    file.write_bytes("\ufeff-- why\nselect 'ü' as a;\n".encode())
    assert cli("query", "--file", str(file), "--format", "csv").stdout == "a\nü\n"
    assert cli("query", "select 1", "-f", str(file), code=2).stderr == (
        "rollcall: give the SQL as an argument or with --file, not both. See rollcall query --help\n"
    )
    file.write_bytes(b"select '\xff'")
    assert cli("query", "-f", str(file), code=2).stderr == (
        f"rollcall: {file} is not UTF-8. See rollcall query --help\n"
    )
    assert cli("query", "-f", str(tmp_path / "none.sql"), code=2).stderr.startswith(
        "rollcall: Invalid value for '-f' / '--file': File "
    )


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("select typeof($a) as t, $a as v", ["a=it's"], "t,v\nVARCHAR,it's\n"),
        ("select project_key from projects where version = $v", ["v=3"], "project_key\nmatter:17\n"),
        ("from projects select count(*) as n where is_open = $A", ["a=true"], "n\n3\n"),
        ("from projects_as_of($run) select count(*) as n", ["run=2026-11-01 12:00:00Z"], "n\n6\n"),
        ("from projects select project_id as i where connection = $c and name = $n",
         ["$c=matter", "n==1+1"], "i\n18\n"),
        ("from range(9) limit $n", ["n=1"], "range\n0\n"),
        ("select '$a' as b, $$c$$ as d, $e as e -- $f", ["e="], "b,d,e\n$a,c,\"\"\n"),
        ("from (pivot projects on kind in ('project') using count(*) group by provider) where provider = $p",
         ["p=matter"], "provider,project\nmatter,3\n"),
    ],
)  # fmt: skip
def test_parameters(cli: Cli, sql: str, values: list[str], expected: str) -> None:
    given = [word for value in values for word in ("--param", value)]
    assert cli("query", sql, *given, "--format", "csv").stdout == expected


def test_parameters_in_every_form(cli: Cli, tmp_path: Path) -> None:
    asked = ("query", "select $a::integer as a where $b = 'x'", "-p", "a=7", "-p", "b=x")
    assert cli(*asked).stdout == "a\n7\n"
    assert cli(*asked, "--json").stdout == '[\n{"a":7}\n]\n'
    cli(*asked, "--output", str(tmp_path / "a.parquet"))
    assert duckdb.sql(f"from '{tmp_path}/a.parquet'").fetchall() == [(7,)]
    assert "plan" in cli("query", "explain from projects where name = $a", "-p", "a=b").stdout


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("select 1", ["a=1"], "the SQL has no parameter $a. There are none"),
        ("select $status", ["statsu=1"], "the SQL has no parameter $statsu. Did you mean $status?"),
        ("select $a, $b", ["a=1"], "the SQL has a parameter $b. Give it a value: --param b=VALUE"),
        ("select ?", [], "the SQL has a parameter $1. Give it a value: --param 1=VALUE"),
        ("select $a", ["a"], "Invalid value for --param: 'a' is not NAME=VALUE. See rollcall query --help"),
        ("select $a", ["=a"], "Invalid value for --param: '=a' is not NAME=VALUE. See rollcall query --help"),
        ("select $a", ["a=1", "A=2"],
         "Invalid value for --param: a is given twice. See rollcall query --help"),
        ("from projects where version = $a", ["a=x"],
         "Conversion Error: Could not convert string 'x' to INT32"),
        ("select 1 where $a", ["a=1; drop table runs"],
         "Conversion Error: Could not convert string '1; drop table runs' to BOOL"),
    ],
)  # fmt: skip
def test_wrong_parameters_are_one_line(cli: Cli, sql: str, values: list[str], expected: str) -> None:
    given = [word for value in values for word in ("--param", value)]
    result = cli("query", sql, *given, code=2)
    first, *excerpt = result.stderr.splitlines()
    assert (result.stdout, first) == ("", f"rollcall: {expected}")
    # DuckDB 2 also shows where a value does not fit.
    assert not excerpt or (expected.startswith("Conversion Error") and duckdb.__version__ >= "2")


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- nothing"])
def test_a_query_without_sql_is_refused(cli: Cli, sql: str) -> None:
    expected = 'rollcall: the query is empty. Try: rollcall query "from projects"\n'
    assert cli("query", sql, code=2).stderr == expected
    assert cli("query", "-", input=sql, code=2).stderr == expected


NO_NME = 'Binder Error: Referenced column "nme" not found in FROM clause! Candidate bindings: "name"'


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("selec 1", 'Parser Error: syntax error at or near "selec"\nLINE 1: selec 1\n        ^'),
        (
            "from project",
            'Catalog Error: Table with name project does not exist! Did you mean "projects"?\n'
            "LINE 1: from project\n             ^",
        ),
        (
            "select 1,\n  'x'::integer",
            "Conversion Error: Could not convert string 'x' to INT32\nLINE 2:   'x'::integer\n             ^",
        ),
        (
            "-- Why\n\nselect\n  nme,\n  nme\nfrom (select name from projects)",
            f"{NO_NME}\nLINE 4:   nme,\n          ^",
        ),
        (
            "select '東京\x1b[31m', \t nme from (select name from projects)",
            f"{NO_NME}\nLINE 1: select '東京\\x1b[31m', \\t nme from (select name from projects)\n"
            "                                  ^",
        ),
        ("explain from project", "Catalog Error: Table with name project does not exist! "
            'Did you mean "projects"?\nLINE 1: explain from project\n                     ^'),
        ("select (from range(2))", "Invalid Input Error: More than one row returned by a subquery"),
    ],
)  # fmt: skip
def test_wrong_sql_is_shown_with_a_mark_under_the_place(cli: Cli, sql: str, expected: str) -> None:
    result = cli("query", sql, code=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"rollcall: {expected}")
    assert result.stderr.count("\n") == 1 + expected.count("\n")


def test_an_error_as_json(cli: Cli) -> None:
    result = cli("query", "from project", "--json", code=2)
    assert json.loads(result.stdout) == {
        "error": {
            "kind": "UsageError",
            "reason": 'Catalog Error: Table with name project does not exist! Did you mean "projects"?',
            "remedy": "",
            "exit_code": 2,
            "excerpt": "LINE 1: from project\n             ^",
        }
    }


def test_raw_leaves_formulas(cli: Cli) -> None:
    sql = "select unnest(['=1', '''=1', '-', '@x', 'a=1', '''', chr(9), chr(13) || 'b']) as \"+t\", -1 as n"
    neutral = cli("query", sql, "--format", "csv")
    assert neutral.stdout == "'+t,n\n'=1,-1\n''=1,-1\n'-,-1\n'@x,-1\na=1,-1\n',-1\n'\t,-1\n\"'\rb\",-1\n"
    assert neutral.stderr == "7 cells prefixed with ' against formulas; see --raw\n"
    raw = cli("query", sql, "--format", "csv", "--raw")
    assert raw.stdout == "+t,n\n=1,-1\n'=1,-1\n-,-1\n@x,-1\na=1,-1\n',-1\n\t,-1\n\"\rb\",-1\n"
    assert raw.stderr == ""


def test_output_is_private_and_its_ending_says_the_form(cli: Cli, tmp_path: Path) -> None:
    sql = "select 1 as a, timestamptz '2026-11-01 02:00:00Z' as b"
    for name, expected in {
        "answer.csv": "a,b\n1,2026-11-01T02:00:00Z\n",
        "answer.json": '[\n{"a":1,"b":"2026-11-01T02:00:00Z"}\n]\n',
        "answer": "a  b\n1  2026-11-01T02:00:00Z\n",
    }.items():
        file = tmp_path / name
        result = cli("query", sql, "--output", str(file))
        assert (result.stdout, result.stderr) == ("", f"wrote 1 row to {file}\n")
        assert file.read_text() == expected
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer", "answer.csv", "answer.json"]


def test_output_is_relative_to_the_current_directory(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli("query", "select 1 as a", "-o", "a.csv")
    assert (tmp_path / "a.csv").read_text() == "a\n1\n"


PIVOT = "pivot projects on kind using count(*) group by status"


@pytest.mark.parametrize(
    ("sql", "form"),
    [("summarize projects", "parquet"), ("describe projects", "arrow"), ("show tables", "xlsx"),
     ("table runs", "json"), ("values (1), (2)", "parquet"),
     ("unpivot (select 1 as a, 2 as b) on a, b", "xlsx"),
     *((PIVOT, form) for form in ("csv", "json", "parquet", "arrow", "xlsx"))],
)  # fmt: skip
def test_a_reading_statement_can_be_written_in_every_form(
    cli: Cli, tmp_path: Path, sql: str, form: str
) -> None:
    rows = len(json.loads(cli("query", sql, "--json").stdout))
    written = cli("query", sql, "--format", form, "--output", str(tmp_path / "answer"))
    assert written.stderr.endswith(f"wrote {rows} rows to {tmp_path}/answer\n")


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


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_a_failure_leaves_the_file_as_it_was(cli: Cli, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"answer.{form}"
    file.write_text("before")
    late = "select if(range = 9999, error('late'), range) as a from range(10000)"
    assert "late" in cli("query", late, "--output", str(file), code=2).stderr
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_commands_of_other_shells_list_the_tables(cli: Cli) -> None:
    tables = cli("describe", "--format", "csv").stdout
    for asked in (".tables", ".schema", r"\d", r"\dt", " .tables; "):
        assert cli("query", asked, "--format", "csv").stdout == tables, asked


@pytest.mark.parametrize(
    ("asked", "name"),
    [(".schema", "projects"), (r"\d", "main.projects"), (".schema", "raw.records"), (r"\d", "projects_on")],
)
def test_commands_of_other_shells_describe_the_columns(cli: Cli, asked: str, name: str) -> None:
    described = cli("describe", name, "--format", "csv").stdout
    assert cli("query", f"{asked} {name}", "--format", "csv").stdout == described


def test_the_schema_of_a_table_that_does_not_exist_is_refused(cli: Cli) -> None:
    assert "Did you mean projects" in cli("query", ".schema project", code=2).stderr


def test_the_help_of_query_lists_commands_that_work(cli: Cli) -> None:
    helped = cli("query", "?", "--json").stdout
    for asked in (".help", "help", r"\?"):
        assert cli("query", asked, "--json").stdout == helped
    found = json.loads(helped)
    assert [line["query"] for line in found[:2]] == [".tables", ".schema NAME"]
    for line in found[2:]:
        cli("query", line["query"])


def test_null_and_an_empty_string_look_different(cli: Cli) -> None:
    sql = "select null as a, '' as b, 'x' as c"
    assert cli("query", sql).stdout == 'a  b   c\n   ""  x\n'
    assert cli("query", sql, "--format", "csv").stdout == 'a,b,c\n,"",x\n'
    assert cli("query", sql, "--json").stdout == '[\n{"a":null,"b":"","c":"x"}\n]\n'


BEFORE = " is before the first run, at 2026-11-01T02:00:00Z: no projects are known\n"
AFTER = " is in the future: the projects are those after the last run\n"


@pytest.mark.parametrize(
    ("sql", "note"),
    [
        ("from projects_as_of('2026-11-01 01:59')", f"2026-11-01 01:59{BEFORE}"),
        ("select count(*) from projects_on($day)", f"2026-10-31{BEFORE}"),
        ("from projects_compared('2020-01-01', '9999-01-01')", f"2020-01-01{BEFORE}9999-01-01{AFTER}"),
        ("from projects_as_of('2026-11-01 02:00')", ""),
        ("from projects_on(date '2026-11-01')", ""),
    ],
)
def test_a_time_that_no_run_knows_is_noted(cli: Cli, sql: str, note: str) -> None:
    given = ("--param", "day=2026-10-31") if "$day" in sql else ()
    assert cli("query", sql, *given, "--json").stderr == note


def test_csv_for_excel(cli: Cli, tmp_path: Path) -> None:
    sql = "select '007' as id, null as a, '' as b"
    expected = '\ufeffid,a,b\r\n"=""007""",,""\r\n'
    assert cli("query", sql, "--excel").stdout_bytes.decode() == expected
    cli("query", sql, "--excel", "--output", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_bytes().decode() == expected
    for wrong in (["--raw"], ["--json"], ["--format", "xlsx"], ["--output", "a.parquet"]):
        assert "--excel writes CSV" in cli("query", sql, "--excel", *wrong, code=2).stderr


@pytest.mark.parametrize("asked", ["\\", "!", "§", ".mode csv", "?!", "1", "'x'", "\ufeff"])
def test_text_that_is_not_sql_is_refused(cli: Cli, asked: str) -> None:
    refused = cli("query", asked, code=2).stderr.splitlines()
    assert refused[0].startswith("rollcall: ")
    assert len(refused) == 1 or (refused[1].startswith("LINE 1: "), refused[2].strip()) == (True, "^")


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".JSONL"])
def test_json_lines_are_written_by_their_ending(cli: Cli, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"answer{ending}"
    cli("query", "select 1 as a, 'é' as b union all select 2, null order by a", "--output", str(file))
    assert file.read_text() == '{"a":1,"b":"é"}\n{"a":2,"b":null}\n'


def test_feather_is_written_by_its_ending(cli: Cli, tmp_path: Path) -> None:
    cli("query", "select 1 as a", "--output", str(tmp_path / "a.feather"))
    assert feather.read_table(tmp_path / "a.feather").to_pylist() == [{"a": 1}]


def test_tab_separated_values(cli: Cli, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("ending", ["txt", "tsv.gz", "csv.gz", "duck"])
def test_an_ending_of_no_form_is_refused(cli: Cli, tmp_path: Path, ending: str) -> None:
    refused = cli("query", "select 1 as a", "--output", str(tmp_path / f"a.{ending}"), code=2).stderr
    assert refused == (
        f"rollcall: a.{ending} ends in none of .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow, "
        ".feather, .xlsx: rename it or set --format. See rollcall query --help\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_promise_23_output_follows_no_link_and_writes_into_a_device(cli: Cli, tmp_path: Path) -> None:
    there, link = tmp_path / "real.csv", tmp_path / "link.csv"
    there.write_text("mine")
    link.symlink_to(there)
    refused = cli("query", "select 1 as a", "--output", str(link), code=2)
    assert refused.stderr == (
        f"rollcall: {link} is a symbolic link, which is not followed. Name the file itself\n"
    )
    assert there.read_text() == "mine"
    cli("query", "select 1 as a", "--output", os.devnull)
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize(
    ("name", "reason", "form"),
    [
        ("warehouse.duckdb", "has the name of a database", "csv"),
        ("warehouse.previous.duckdb", "has the name of a database", "parquet"),
        ("other.duckdb.wal", "has the name of a database", "csv"),
        ("copy", "is a DuckDB database", "csv"),
        ("copy", "is a DuckDB database", "parquet"),
        (".dlt/secrets.toml", "is part of the configuration", "parquet"),
        ("elsewhere/../.dlt/config.toml", "is part of the configuration", "csv"),
        ("status_mapping.csv", "is part of the configuration", "csv"),
        ("client_mapping.csv", "is part of the configuration", "csv"),
        ("sql/reports/mine.sql", "is part of the configuration", "csv"),
        ("providers/toy.py", "is part of the configuration", "csv"),
        ("certificates/ca.pem", "is part of the configuration", "csv"),
        ("token.txt", "is part of the configuration", "csv"),
        ("link/config.toml", "is part of the configuration", "csv"),
        ("link/../sql/marts/mine.sql", "is part of the configuration", "csv"),
        (".rollcall/warehouse.duckdb.lock", "is one of Rollcall's own files", "parquet"),
        (".rollcall/scratch/records", "is one of Rollcall's own files", "csv"),
    ],
)
def test_promise_28_output_overwrites_nothing_that_rollcall_depends_on(
    home: Path, name: str, reason: str, form: str
) -> None:
    target = home / name
    (home / "elsewhere").mkdir()
    (home / ".dlt").mkdir()
    (home / "link").symlink_to(".dlt")
    target.parent.mkdir(parents=True, exist_ok=True)
    (home / ".rollcall").mkdir(exist_ok=True)
    (home / ".dlt" / "config.toml").write_text(
        '[sources.matter]\nca_file = "certificates/ca.pem"\naccess_token_file = "token.txt"\n'
    )
    (home / ".rollcall" / "warehouse.duckdb.lock").touch()
    if not target.exists():
        target.write_bytes(b"12345678DUCK" if name == "copy" else b"# mine")
    before = target.read_bytes()
    refused = Cli(home)("query", "select 1 as a", "--format", form, "--output", str(target), code=2)
    assert refused.stderr == f"rollcall: {target} {reason} and is not overwritten. Name another file\n"
    assert target.read_bytes() == before


def test_promise_28_output_creates_no_file_that_runs_would_read(home: Path) -> None:
    (home / ".dlt").mkdir()
    (home / "sql").mkdir()
    cli = Cli(home)
    for name in ("status_mapping.csv", "Client_Mapping.csv", "sql/mine.sql", ".dlt/secrets.toml"):
        cli("query", "select 1 as a", "--format", "csv", "--output", str(home / name), code=2)
        assert not (home / name).exists()
    for name in ("sql/mine.csv", "mapping.csv"):
        cli("query", "select 1 as a", "--output", str(home / name))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("query", "select 1", "--output", "x.csv/"), "x.csv/ names a directory"),
        (("query", "select 1", "--output", "x.csv/."), "x.csv/. names a directory"),
        (("query", "select 1", "--output", ""), "it is empty"),
        (("export", "projects", "--output", ""), "it is empty"),
        (
            ("export", "projects", "--output", "x.csv/"),
            "x.csv/ names a directory, and ends like a file: leave out the slash",
        ),
        (("report", "--output", "page.html/"), "page.html/ names a directory"),
    ],
)
def test_a_path_is_read_as_it_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(home)
    before = sorted(home.iterdir())
    refused = Cli(home)(*args, code=2)
    assert refused.stderr == (
        f"rollcall: Invalid value for '-o' / '--output': {message}. See rollcall {args[0]} --help\n"
    )
    assert sorted(home.iterdir()) == before


def test_promise_28_the_mark_of_a_home_whose_warehouse_is_elsewhere_is_not_overwritten(home: Path) -> None:
    mark = home / ".rollcall" / "published"
    mark.parent.mkdir()
    mark.write_text("mine")
    Cli(home)("query", "select 1 as a", "--format", "csv", "--output", str(mark), code=2)
    assert mark.read_text() == "mine"


def test_places_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    missing = cli("query", "select 1", "--output", str(tmp_path / "no" / "a.csv"), code=2)
    assert (
        missing.stderr
        == f"rollcall: there is no directory {tmp_path / 'no'}. Create it, or name another file\n"
    )
    directory = cli("query", "select 1", "--output", str(tmp_path), code=2)
    assert directory.stderr == (
        f"rollcall: Invalid value for '-o' / '--output': File '{tmp_path}' is a directory. "
        "See rollcall query --help\n"
    )


def test_contradicting_formats(cli: Cli) -> None:
    result = cli("query", "select 1", "--json", "--format", "csv", code=2)
    assert result.stderr == (
        "rollcall: --json and --format csv contradict each other. See rollcall query --help\n"
    )


def test_the_directory_for_temporary_files_stays_empty(cli: Cli, tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    spilling = "select count(*) as n from (select hash(range) as h from range(3000000) order by h)"
    command = cli.command("query", "--format", "csv", "--timeout", "3600", spilling)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("n\n3000000\n", "", 0)
    assert list(tmp_path.iterdir()) == []


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
