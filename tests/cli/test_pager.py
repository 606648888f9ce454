"""On a real terminal: output longer than the screen goes through a pager, and shorter output does not."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.output.pager import find_pager

from .conftest import Cli
from .test_screen import OBEYED, SPELLED

LINES, COLUMNS = 12, 80
PATIENCE_S = 30


class Terminal:
    """A terminal in which a command runs as session leader, and everything that it has shown."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        given = {
            name: os.environ[name] for name in os.environ if name not in {"PAGER", "LESS", "COLUMNS", "LINES"}
        }
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=given | {"TERM": "xterm"} | environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here
        )
        os.close(theirs)

    def wait_for(self, text: str) -> None:
        """Read until `text` is shown."""
        while text not in self.shown:
            assert self._read(), self.shown

    def type_until(self, keys: str, text: str) -> None:
        """Type `keys`, repeatedly if they have no effect, until `text` is shown."""
        while text not in self.shown:
            self.type(keys)
            while text not in self.shown and select.select([self._ours], [], [], 0.5)[0]:
                assert self._read(), self.shown

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the command to end. Returns its exit code, and everything that was shown."""
        while self._read():
            pass
        return self.process.wait(PATIENCE_S), self.shown.replace("\r\n", "\n")

    def close(self) -> None:
        os.close(self._ours)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self) -> bool:
        assert select.select([self._ours], [], [], PATIENCE_S)[0], self.shown
        try:
            part = os.read(self._ours, 65536)
        except OSError:  # how Linux reports that the other end is closed
            return False
        self.shown += part.decode(errors="replace")
        return bool(part)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


@pytest.fixture
def run(cli: Cli, terminals: list[Terminal]):
    def run(*args: str, **environment: str) -> Terminal:
        terminals.append(Terminal(cli.command(*args), **environment))
        return terminals[-1]

    return run


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A pager that writes its input to a file next to itself, and shows nothing."""
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho "paged $* LESS=$LESS"\ncat > "$0.read"\n')
    pager.chmod(0o755)
    return pager


def given(pager: Path) -> list[str] | None:
    file = Path(f"{pager}.read")
    if not file.exists():
        return None
    return [re.sub(r"\x1b\[\d*m", "", line).rstrip() for line in file.read_text().splitlines()]


def test_an_answer_that_fits_is_shown_without_a_pager(run, recording: Path) -> None:
    code, shown = run("query", f"select {OBEYED} as a, 1 as b", PAGER=str(recording)).end()
    assert code == 0
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[0].startswith("\x1b[1ma")
    assert lines[1:] == [f"{SPELLED}  1"]
    code, shown = run("query", f"from range({LINES - 2})", PAGER=str(recording)).end()
    assert (code, len(shown.splitlines())) == (0, LINES - 1)
    assert given(recording) is None


def test_a_long_table_goes_through_the_pager_completely(run, recording: Path) -> None:
    sql = "select range as n, 'x' as x, * from range(3000), (select * from projects limit 1)"
    code, shown = run("query", sql, PAGER=f"{recording} -a 'b c'").end()
    assert (code, shown) == (0, "paged -a b c LESS=FRSX\n")
    lines = given(recording)
    assert lines is not None
    assert lines[0].split()[:4] == ["n", "x", "range", "project_key"]
    assert lines[0].endswith("  version")
    assert [int(line.split()[0]) for line in lines[1:]] == list(range(3000))


def test_other_formats_are_paged_too(run, recording: Path) -> None:
    code, _ = run("query", "from range(30)", "--format", "csv", PAGER=str(recording)).end()
    assert (code, given(recording)) == (0, ["range", *map(str, range(30))])


def test_a_longer_table_whose_columns_fit_is_wrapped(run, recording: Path) -> None:
    run("describe", "projects", PAGER=str(recording)).end()
    lines = given(recording)
    assert lines is not None
    assert max(map(len, lines)) <= COLUMNS
    assert [line.split()[0] for line in lines if not line.startswith(" ")][-2:] == ["is_held_back", "version"]


def test_columns_that_do_not_fit_are_not_left_out_in_the_pager(run, recording: Path) -> None:
    code, shown = run(
        "query", "from projects_history union all from projects_history", PAGER=str(recording)
    ).end()
    lines = given(recording)
    assert (code, "do not fit" in shown) == (0, False)
    assert lines is not None
    assert lines[0].split()[-1] == "changed_columns"
    assert len(lines) == 21


def test_a_row_shown_vertically_is_paged_too(run, recording: Path) -> None:
    run("query", "from projects where project_key = 'matter:18'", PAGER=str(recording)).end()
    lines = given(recording)
    assert lines is not None
    assert lines[1].split() == ["project_key", "matter:18"]
    assert len(lines) == 46


def test_other_verbs_are_paged_too(run, recording: Path) -> None:
    code, shown = run("changes", "--since", "2026-11-01", PAGER=str(recording), LESS="X").end()
    assert code == 0
    assert shown.startswith("paged  LESS=X\n")
    assert "created, " in shown
    assert "matter:17" in "".join(given(recording) or ())


def test_no_pager_prints_the_first_rows(run, recording: Path) -> None:
    code, shown = run("query", "from range(60)", "--no-pager", PAGER=str(recording)).end()
    assert code == 0
    assert shown.splitlines()[1:51] == [f"{n:5}" for n in range(50)]
    assert "only the first 50 rows are shown" in shown
    assert given(recording) is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PAGER": "sh -c 'cat -n'", "TERM": "xterm"}, ["sh", "-c", "cat -n"]),
        ({"PAGER": "", "TERM": "xterm"}, None),
        ({"PAGER": "cat", "TERM": "xterm"}, None),
        ({"PAGER": "less 'x", "TERM": "xterm"}, None),
        ({"PAGER": "/nowhere/less", "TERM": "xterm"}, None),
        ({"PAGER": "sh", "TERM": "dumb"}, None),
        ({"PAGER": "sh"}, None),
    ],
)
def test_the_pager_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: list[str] | None
) -> None:
    for name in ("PAGER", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert find_pager() == expected


def test_standard_output_that_is_not_a_terminal_has_no_pager(cli: Cli, recording: Path) -> None:
    done = subprocess.run(
        cli.command("query", "from range(60)"),
        env=os.environ | {"PAGER": str(recording), "TERM": "xterm"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (len(done.stdout.splitlines()), done.stderr, given(recording)) == (61, "", None)


needs_less = pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")


@needs_less
def test_less_is_the_default_and_can_be_left_early(run) -> None:
    terminal = run("query", "from range(1000000)")
    terminal.wait_for(":")
    terminal.type("q")
    code, shown = terminal.end()
    assert (code, "Traceback" in shown) == (0, False)
    assert "\n    9" in shown
    assert "\n   10" not in shown


@needs_less
def test_ctrl_c_in_less_ends_neither_less_nor_rollcall(run) -> None:
    terminal = run("query", "from range(3000)")
    terminal.wait_for(":")
    terminal.type("\x03")
    terminal.type_until("G", "2999")
    terminal.type("q")
    code, shown = terminal.end()
    assert (code, "interrupted" in shown) == (0, False)


@needs_less
def test_a_query_that_takes_too_long_ends_its_pager(run) -> None:
    stalling = "select i from range(1000000000000) t(i) where i < 500000 or hash(i) = 1"
    terminal = run("query", stalling, "--timeout", "1")
    terminal.wait_for(":")
    terminal.type("G")  # less would read to the end of an endless result
    code, shown = terminal.end()
    assert code == 2
    # If less has ended before the key arrives, the terminal shows the key after the message.
    assert "rollcall: the query took longer than 1 s. Simplify it, or raise --timeout" in shown
