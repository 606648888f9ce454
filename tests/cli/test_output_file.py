"""`--output` of the reading commands: where a file may be written, in which format, and what is refused."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from pyarrow import feather

from .conftest import Cli


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


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_a_failure_leaves_the_file_as_it_was(cli: Cli, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"answer.{form}"
    file.write_text("before")
    late = "select if(range = 9999, error('late'), range) as a from range(10000)"
    assert "late" in cli("query", late, "--output", str(file), code=2).stderr
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".JSONL"])
def test_json_lines_are_written_by_their_ending(cli: Cli, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"answer{ending}"
    cli("query", "select 1 as a, 'é' as b union all select 2, null order by a", "--output", str(file))
    assert file.read_text() == '{"a":1,"b":"é"}\n{"a":2,"b":null}\n'


def test_feather_is_written_by_its_ending(cli: Cli, tmp_path: Path) -> None:
    cli("query", "select 1 as a", "--output", str(tmp_path / "a.feather"))
    assert feather.read_table(tmp_path / "a.feather").to_pylist() == [{"a": 1}]


@pytest.mark.parametrize("ending", ["txt", "tsv.gz", "csv.gz", "duck"])
def test_an_extension_without_a_format_is_refused(cli: Cli, tmp_path: Path, ending: str) -> None:
    refused = cli("query", "select 1 as a", "--output", str(tmp_path / f"a.{ending}"), code=2).stderr
    assert refused == (
        f"rollcall: a.{ending} ends in none of .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow, "
        ".feather, .xlsx: rename it or set --format. See rollcall query --help\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_promise_23_output_refuses_a_link_and_accepts_a_device(cli: Cli, tmp_path: Path) -> None:
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


def test_a_place_that_cannot_be_written_is_one_line(cli: Cli, tmp_path: Path) -> None:
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


def test_a_query_leaves_no_temporary_files(cli: Cli, tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    spilling = "select count(*) as n from (select hash(range) as h from range(3000000) order by h)"
    command = cli.command("query", "--format", "csv", "--timeout", "3600", spilling)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("n\n3000000\n", "", 0)
    assert list(tmp_path.iterdir()) == []
