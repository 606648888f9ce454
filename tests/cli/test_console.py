"""How a command starts and ends: help, one line for each failure, exit codes, pipes and signals."""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.cli.group import VERBS_BY_PURPOSE
from pipelines.commands import doctor, status
from pipelines.common.errors import PublicationRefused, RunInProgress, SyncError
from pipelines.extract import connections
from tests.support.home import Home

from .conftest import Cli

ENDLESS = "select i, repeat('x', 100) as x from range(100000000) t(i)"
# Some rows, after which the query never ends.
STALLING = "select i from range(1000000000000) t(i) where i < 5000 or hash(i) = 1"
SILENT = "select count(*) from range(1000000000000) where range % 7 = 3"


def test_help_names_every_verb_and_each_has_examples() -> None:
    whole = CliRunner().invoke(main, ["--help"])
    assert whole.exit_code == 0
    assert re.findall(r"^(\w[\w ]*):\n", whole.stdout, re.MULTILINE) == ["Options", *VERBS_BY_PURPOSE]
    assert sorted(name for names in VERBS_BY_PURPOSE.values() for name in names) == sorted(main.commands)
    for name, command in main.commands.items():
        assert f"  {name} " in whole.stdout
        shown = CliRunner().invoke(main, [name, "--help"])
        assert shown.exit_code == 0
        assert command.get_short_help_str(62) == command.get_short_help_str(1000), "cut in the list of verbs"
        assert f"Examples:\n    rollcall {name}" in shown.stdout
        assert "--home DIR" in shown.stdout
        assert len(max(shown.stdout.splitlines(), key=len)) <= 80


def test_the_collector_is_slowed_down_before_anything_large_is_imported() -> None:
    script = """
import gc, sys
from pipelines.cli import main
from pipelines.cli.group import VERBS_BY_PURPOSE
def threshold(*counts):
    print(counts, sorted({"dlt", "duckdb", "pyarrow", "requests", "rich"} & sys.modules.keys()))
gc.set_threshold = threshold
main(["sync", "--help"])
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[0] == "(50000, 20, 100) []"


def test_version_is_that_of_the_package() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"rollcall {version('rollcall-sync')}\n"


def test_a_command_without_a_verb_prints_help() -> None:
    result = CliRunner().invoke(main, [])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: rollcall [OPTIONS] COMMAND")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["qurey"], "No such command 'qurey'. Did you mean 'query'? See rollcall --help"),
        (["--hom", "/"], "No such option '--hom'. Did you mean '--home'? See rollcall --help"),
        (["status", "--jsn"], "No such option '--jsn'. Did you mean '--json'? See rollcall status --help"),
        (["history"], "Missing argument 'KEY'. See rollcall history --help"),
        (
            ["query", "--format", "xml"],
            "Invalid value for '--format': "
            "'xml' is not one of 'table', 'csv', 'tsv', 'json', 'jsonl', 'parquet', 'arrow', "
            "'xlsx'. "
            "See rollcall query --help",
        ),
        (
            ["query", "--timeout", "0"],
            "Invalid value for '--timeout': 0.0 is not in the range x>0. See rollcall query --help",
        ),
        (
            ["--home", "/nowhere", "status"],
            "Invalid value for '--home': Directory '/nowhere' does not exist. See rollcall --help",
        ),
        (
            ["sync", "--accept-removals", "matter"],
            "Invalid value for --accept-removals: 'matter' is not CONNECTION=N. See rollcall sync --help",
        ),
        (
            ["sync", "--accept-removals", "matter=9223372036854775808"],
            "Invalid value for --accept-removals: 'matter=9223372036854775808' is not CONNECTION=N. "
            "See rollcall sync --help",
        ),
        (
            ["query", "--timeout", "nan"],
            "Invalid value for '--timeout': nan is not a number. See rollcall query --help",
        ),
        (
            ["sandbox", "--latency", "nan"],
            "Invalid value for '--latency': nan is not a number. See rollcall sandbox --help",
        ),
    ],
)
def test_wrong_usage_is_one_line_with_a_hint(args: list[str], expected: str) -> None:
    result = CliRunner().invoke(main, args)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"rollcall: {expected}\n")


@pytest.mark.parametrize("asked", [["--json"], ["--format", "json"], ["--format=json"]])
def test_wrong_usage_is_printed_as_json(asked: list[str]) -> None:
    result = CliRunner().invoke(main, ["query", "select 1", "--paramm", "3", *asked])
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "error": {
            "kind": "UsageError",
            "reason": "No such option '--paramm'. (Did you mean one of: '--param', '--raw'?)",
            "remedy": "see rollcall query --help",
            "exit_code": 2,
        }
    }


def test_home_before_and_behind_the_verb_and_in_the_environment(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = (["--home", str(published), "status"], ["status", "--home", str(published)],
            ["--home", str(tmp_path), "status", "--home", str(published)])  # fmt: skip
    for args in ways:
        assert CliRunner().invoke(main, args).exit_code == 0
    monkeypatch.setenv("ROLLCALL_HOME", str(published))
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
    monkeypatch.delenv("ROLLCALL_HOME")
    monkeypatch.chdir(published)
    assert CliRunner().invoke(main, ["status"]).stdout.startswith(f"{published}/warehouse.duckdb, ")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (SyncError("it broke"), 1, "it broke"),
        (SyncError("it broke", "fix it"), 1, "it broke. Fix it"),
        (PublicationRefused("1 check failed", "see"), 4, "1 check failed. See"),
        (RunInProgress("another run is in progress", "wait"), 5, "another run is in progress. Wait"),
        (SyncError("evil \x1b[2J\nname", "do\r\x9b"), 1, "evil \\x1b[2J\\nname. Do\\r\\x9b"),
        (
            OSError(28, "No space left on device", "/x"),
            1,
            "/x: No space left on device. Free some space, then try again",
        ),
        (
            PermissionError(13, "Permission denied", "/x"),
            2,
            "/x: Permission denied. Run Rollcall as the owner of that place, or have its permissions changed",
        ),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ValueError("odd\nand all that led to it"),
            1,
            "internal error (ValueError: odd). ROLLCALL_DEBUG=1 shows the traceback; please report it",
        ),
    ],
)
def test_every_failure_is_one_line_and_a_code(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, line: str
) -> None:
    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(status, "status", fail)
    plain = cli("status", code=code)
    assert (plain.stdout, plain.stderr) == ("", f"rollcall: {line}\n")
    as_json = cli("status", "--json", code=code)
    assert as_json.stderr == f"rollcall: {line}\n"
    assert json.loads(as_json.stdout)["error"]["exit_code"] == code

    monkeypatch.setenv("ROLLCALL_DEBUG", "1")
    debugged = cli("status", code=code).stderr
    assert debugged.startswith("Traceback (most recent call last):\n")
    assert debugged.endswith(f"rollcall: {line}\n")


@pytest.mark.parametrize(
    ("also_failing", "shown"), [(None, "odd header: Bearer ***"), ("read_tables", "***")]
)
def test_an_internal_error_shows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also_failing: str | None, shown: str
) -> None:
    Home(tmp_path).connect("belltastic", api_token="user_not-a-secret")

    def fail(*_arguments: object, **_options: object) -> None:
        raise ValueError("odd header: Bearer user_not-a-secret")

    monkeypatch.setattr(doctor, "doctor", fail)
    if also_failing:
        monkeypatch.setattr(connections, also_failing, fail)
    failed = CliRunner().invoke(main, ["--home", str(tmp_path), "doctor"])
    assert failed.stderr.startswith(f"rollcall: internal error (ValueError: {shown}). ")


def test_help_and_refusals_import_little() -> None:
    heavy = {"dlt", "duckdb", "pyarrow", "rich", "requests", "pendulum", "sqlglot", "msgspec"}
    code = (
        "import sys; from pipelines.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: print(sorted({heavy} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_ctrl_c_while_python_imports_ends_without_a_traceback() -> None:
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from pipelines.__main__ import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_program_is_also_a_module() -> None:
    command = [sys.executable, "-m", "pipelines", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("rollcall: No such command 'nonsense'.")) == (2, True)


def test_reading_does_not_import_dlt(cli: Cli) -> None:
    code = (
        "import sys; from pipelines.cli import main\n"
        f"try: main(['--home', {str(cli.home)!r}, *sys.argv[1:]])\n"
        "finally: print(sorted({'dlt', 'pyarrow', 'sqlglot'} & sys.modules.keys()), file=sys.stderr)"
    )
    for verb in (("query", "select 1"), ("status",), ("changes",), ("history", "matter:17")):
        done = subprocess.run(
            [sys.executable, "-c", code, *verb], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "[]")


@pytest.mark.parametrize("form", ["table", "csv", "json", "arrow"])
def test_a_reader_that_closes_the_pipe_early_is_not_an_error(cli: Cli, form: str) -> None:
    with subprocess.Popen(
        cli.command("query", ENDLESS, "--format", form), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_closed_standard_output_is_not_an_error(cli: Cli) -> None:
    for verb in (("query", "select 1"), ("status",), ("query", "select 1", "--format", "parquet"),
                 ("query", "select 1", "--format", "arrow")):  # fmt: skip
        command = ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *cli.command(*verb)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_full_standard_output_is_one_line(cli: Cli) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        command = cli.command("query", ENDLESS, "--format", "csv")
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "rollcall: No space left on device. Free some space, then try again\n",
    )


@pytest.mark.parametrize(
    ("number", "form", "sql"),
    [
        (signal.SIGINT, "csv", ENDLESS),
        (signal.SIGTERM, "json", SILENT),
        (signal.SIGTERM, "csv", STALLING),
        (signal.SIGINT, "table", STALLING),
        (signal.SIGTERM, "arrow", STALLING),
    ],
)
def test_signals_leave_nothing_behind(
    cli: Cli, tmp_path: Path, number: signal.Signals, form: str, sql: str
) -> None:
    command = cli.command("query", sql, "--format", form, "--output", str(tmp_path / "answer"))
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob(".rollcall-*/answer")) and process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        process.send_signal(number)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "rollcall: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_current_directory_that_is_gone_is_one_line(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    rollcall, place = Path(sys.executable).with_name("rollcall"), shlex.quote(str(gone))
    script = f"cd {place} && rmdir {place} && {shlex.quote(str(rollcall))} status"
    ended = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        "rollcall: the current directory does not exist any more. Change to another directory\n",
    )


def test_a_command_runs_in_the_bare_environment_of_cron(cli: Cli, tmp_path: Path) -> None:
    done = subprocess.run(
        cli.command("query", "select name from projects where project_key = 'matter:18' union select 'ü'"),
        env={"LANG": "C", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        umask=0,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(done.stdout.decode().split()) == ["=1+1", "name", "ü"]


def test_arguments_that_are_not_utf_8(cli: Cli) -> None:
    for args in ((b"query", b"select '\xff'"), (b"history", b"\xff"), (b"\xff",)):
        command = [os.fsencode(part) for part in cli.command()] + list(args)
        done = subprocess.run(command, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (
            2,
            b"rollcall: an argument is not UTF-8. See rollcall --help\n",
        )


def test_a_comment_at_the_beginning_of_sql_is_not_read_as_an_option(cli: Cli) -> None:
    assert cli("query", "--why\nselect 1 as a", "--format", "csv").stdout == "a\n1\n"
    assert cli("query", "--", "-- why\nselect 1 as a").stdout == "a\n1\n"


def test_the_main_verbs_are_registered() -> None:
    assert {"sync", "demo", "sandbox", "query", "export", "status", "history", "changes"} <= set(
        main.commands
    )
