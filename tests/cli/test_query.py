"""`rollcall query`: which SQL it accepts, and how it writes the result."""

import json
from pathlib import Path

import duckdb
import pytest

from pipelines.warehouse import reader

from .conftest import Cli


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
def test_statements_that_only_read_are_allowed(cli: Cli, sql: str, expected: str) -> None:
    assert cli("query", sql, "--format", "csv").stdout == expected


def test_a_plan_can_be_shown(cli: Cli) -> None:
    for sql in (
        "explain from projects",
        "EXPLAIN ANALYZE select name from projects order by name limit 1 -- why",
    ):
        plan = cli("query", sql).stdout
        assert plan.startswith("plan\n")
        assert "scan" in plan.lower()


def test_tables_can_be_shown(cli: Cli) -> None:
    tables = cli("query", "show tables", "--format", "csv").stdout.splitlines()
    assert {"projects", "projects_history", "project_changes", "runs"} <= set(tables)


def test_rows_keep_their_order_with_many_threads(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reader.BOUNDS, "threads", "4")
    numbers = "select range as n, '=' || range as t from range(400000) order by n desc"
    for form in ("csv", "json", "table"):
        result = cli("query", f"select n from ({numbers}) order by n desc", "--format", form)
        digits = [
            int("".join(filter(str.isdigit, line))) for line in result.stdout.splitlines() if "0" in line
        ]
        assert digits == sorted(digits, reverse=True)


def test_sql_can_come_from_standard_input(cli: Cli) -> None:
    assert cli("query", "-", "--format", "csv", input="select 'ü' as a").stdout == "a\nü\n"
    assert cli("query", "--format", "csv", input="select 1 as a\n").stdout == "a\n1\n"
    assert cli("query", "-", input=b"select '\xff'", code=2).stderr == (
        "rollcall: standard input is not UTF-8. See rollcall query --help\n"
    )


def test_sql_can_come_from_a_file(cli: Cli, tmp_path: Path) -> None:
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
def test_a_parameter_is_cast_to_the_type_needed(cli: Cli, sql: str, values: list[str], expected: str) -> None:
    given = [word for value in values for word in ("--param", value)]
    assert cli("query", sql, *given, "--format", "csv").stdout == expected


def test_parameters_work_in_every_format(cli: Cli, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("asked", ["\\", "!", "§", ".mode csv", "?!", "1", "'x'", "\ufeff"])
def test_text_that_is_not_sql_is_refused(cli: Cli, asked: str) -> None:
    refused = cli("query", asked, code=2).stderr.splitlines()
    assert refused[0].startswith("rollcall: ")
    assert len(refused) == 1 or (refused[1].startswith("LINE 1: "), refused[2].strip()) == (True, "^")
