"""Promise 24: a query has limits for its time, memory, disk space and text, and ends when it reaches one."""

import gc
import os
import subprocess
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines.warehouse import reader as reading

from .conftest import Cli


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
        "rollcall: the result is larger than the 1 MB that one file may have. Ask for fewer rows or columns\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_answer_may_take_half_of_the_free_disk_space(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full = SimpleNamespace(total=10 << 30, used=(10 << 30) - (2 << 20), free=2 << 20)
    monkeypatch.setattr(reading.shutil, "disk_usage", lambda _: nearly_full)
    sql = "select hash(range) as a, hash(range + 1)::varchar as b from range(200000)"
    assert cli("query", sql, "--output", "x.csv", code=2).stderr == (
        "rollcall: the result is larger than 1 MB, half of the free disk space. "
        "Free some space, or ask for fewer rows or columns\n"
    )


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


def test_promise_24_disk_is_bounded(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reading.BOUNDS, "memory_limit", "20MB")
    monkeypatch.setitem(reading.BOUNDS, "max_temp_directory_size", "10MB")
    result = cli(
        "query", "select hash(range) as h, repeat('x', 50) as x from range(2000000) order by h", code=2
    )
    assert "needs more memory" in result.stderr
