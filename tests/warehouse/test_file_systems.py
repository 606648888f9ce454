"""Promise 29: a run finds out what a file system lacks before it needs it.

The calls fail in libc, with a preloaded library, if there is a compiler and Linux; otherwise in Python.
"""

import errno
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.common.filesystem import locked_file
from pipelines.warehouse.paths import previous_path
from tests.support.home import Home

from .conftest import rollcall

pytestmark = pytest.mark.usefixtures("light")  # the place of a run in this process

SOURCE = Path(__file__).with_name("failing_call.c")
COMMAND = Path(sys.executable).with_name("rollcall")

LIMITS = {
    (
        "link",
        errno.EPERM,
    ): "does not support hard links: every run copies the previous file instead, which takes longer",
    ("fsync of a directory", errno.EINVAL): ("does not support fsync: a power failure may lose the last run"),
    ("chmod", errno.EPERM): (
        "does not support permissions (chmod): make sure that nobody else can read the warehouse"
    ),
}
MISSING = {
    ("flock", errno.ENOLCK): "does not support locks (No locks available)",
    ("fcntl lock", errno.EOPNOTSUPP): "does not support locks (Operation not supported)",
}
ELSEWHERE = 'Keep it on another disk: path = "…" under [warehouse] in .dlt/config.toml, or WAREHOUSE__PATH'

Failing = Callable[[str, int], None]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets a call fail."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler, or no LD_PRELOAD as on Linux")
    library = tmp_path_factory.mktemp("library") / "failing_call.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True, timeout=120)
    return library


@pytest.fixture
def run(home: Home, preloaded: Path) -> Run:
    """`run(failing, *arguments)`: run the command in its own process, in which a call fails."""

    def invoke(failing: tuple[str, int], *arguments: str) -> subprocess.CompletedProcess[str]:
        call, number = failing
        fault = {"LD_PRELOAD": str(preloaded), "FAILING_CALL": call, "FAILING_ERRNO": str(number)}
        return subprocess.run(
            [COMMAND, "--home", home.path, *arguments],
            env=os.environ | fault,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return invoke


@pytest.mark.parametrize("failing", LIMITS, ids=str)
def test_promise_29_a_run_continues_without_a_call_of_libc(
    home: Home, run: Run, failing: tuple[str, int]
) -> None:
    published = home.warehouse.read_bytes()
    limit = f"the file system of {home.path} {LIMITS[failing]}"
    ran = run(failing, "sync")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count(limit) == ran.stdout.count("Note: the file system") == 1
    assert previous_path(home.warehouse).read_bytes() == published
    assert home.rows("select count(*) as n from runs") == [{"n": 3}]


@pytest.mark.parametrize("failing", MISSING, ids=str)
def test_promise_29_a_run_says_what_to_do_if_a_call_of_libc_fails(
    home: Home, run: Run, failing: tuple[str, int]
) -> None:
    published = home.warehouse.read_bytes()
    ran = run(failing, "sync")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"rollcall: the file system of {home.path}")
    assert ran.stderr.endswith(f" {MISSING[failing]}. {ELSEWHERE}\n")
    assert ran.stderr.count("\n") == 1
    assert home.warehouse.read_bytes() == published
    examined = run(failing, "doctor")
    assert examined.returncode == 2
    assert MISSING[failing] in " ".join(examined.stdout.split())


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """`fail(call, number)`: from now on, a call of Python fails with that error."""

    def failing(call: str, number: int) -> None:
        places: dict[str, tuple[Any, str]] = {
            "link": (os, "link"),
            "chmod": (os, "chmod"),
            "fsync of a directory": (os, "fsync"),
            "flock": (fcntl, "flock"),
            "fcntl lock": (fcntl, "lockf"),
        }
        place, name = places[call]
        real = getattr(place, name)

        def refuse(file: Any, *arguments: Any, **options: Any) -> object:
            if call != "fsync of a directory" or Path(f"/proc/self/fd/{file}").is_dir():
                raise OSError(number, os.strerror(number))
            return real(file, *arguments, **options)

        monkeypatch.setattr(place, name, refuse)

    return failing


@pytest.mark.parametrize("failing", LIMITS, ids=str)
def test_promise_29_a_run_continues_without_links_permissions_or_fsync(
    home: Home, fail: Failing, failing: tuple[str, int]
) -> None:
    published = home.warehouse.read_bytes()
    limit = f"the file system of {home.path} {LIMITS[failing]}"
    fail(*failing)
    assert limit in " ".join(rollcall(home, "doctor").stdout.split())
    quiet = rollcall(home, "sync", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")
    shutil.copyfile(previous_path(home.warehouse), home.warehouse)
    run = home.run()
    assert (run.limits, run.unfinished) == ((limit,), ())
    assert previous_path(home.warehouse).read_bytes() == published
    restored = rollcall(home, "restore")
    assert (restored.exit_code, home.warehouse.read_bytes()) == (0, published)


@pytest.mark.parametrize("failing", MISSING, ids=str)
def test_promise_29_a_run_without_locks_says_what_to_do(
    home: Home, fail: Failing, failing: tuple[str, int]
) -> None:
    fail(*failing)
    refused = rollcall(home, "sync")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.endswith(f" {MISSING[failing]}. {ELSEWHERE}\n")


def test_an_export_without_locks_suggests_another_path(home: Home, fail: Failing) -> None:
    fail("flock", errno.ENOLCK)
    refused = rollcall(home, "export", "--all")
    assert refused.exit_code == 2
    assert refused.stderr.endswith(
        'does not support locks (No locks available). Keep it on another disk: path = "…" under [exports] in '
        ".dlt/config.toml, or EXPORTS__PATH\n"
    )


def test_promise_20_a_failure_after_publication_is_a_note(home: Home, fail: Failing) -> None:
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        real(source, target)
        if target == home.warehouse:
            fail("fsync of a directory", errno.EIO)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replace)
        done = rollcall(home, "sync", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert (
        f"Note: {home.warehouse} is published, but a power failure may lose it: its directory could not "
        "be written to disk (Input/output error)\n"
    ) in done.stdout


def test_promise_29_a_mounted_file_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def across_mounts(source: Path, target: Path) -> None:
        if source == home.warehouse:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(source, target)

    monkeypatch.setattr(os, "link", across_mounts)
    refused = rollcall(home, "sync")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"rollcall: {home.warehouse} is a mount point, so a run cannot replace it. "
        f"Mount the directory {home.path} instead of the file\n"
    )


def test_promise_29_a_file_that_is_mounted_is_refused(home: Home, tmp_path: Path) -> None:
    real = tmp_path / "real.duckdb"
    shutil.copyfile(home.warehouse, real)
    mount = f"mount --bind {shlex.quote(str(real))} {shlex.quote(str(home.warehouse))}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount anything")
    for verb in ("sync", "doctor"):
        command = f"{mount} && {shlex.quote(str(COMMAND))} --home {shlex.quote(str(home.path))} {verb}"
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", command], check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 2
        assert f"{home.warehouse} is a mount point" in " ".join((done.stdout + done.stderr).split())


def test_a_lock_of_another_user(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = home.path / ".rollcall" / "warehouse.duckdb.lock"
    real = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if path == lock:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    refused = rollcall(home, "sync")
    assert refused.stderr == f"rollcall: {lock} is not writable. Run: chmod 600 {lock}\n"
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    (home.path / ".dlt" / "secrets.toml").chmod(0o600)
    refused = rollcall(home, "sync")
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"rollcall: {lock} belongs to another user. Run this as ")
    assert refused.stderr.endswith(f", or, while no run is in progress, run: sudo rm {lock}\n")


def test_a_held_file_lock_is_refused_at_once(tmp_path: Path) -> None:
    with locked_file(tmp_path / "a.lock"), pytest.raises(BlockingIOError), locked_file(tmp_path / "a.lock"):
        pass


def test_promise_23_the_link_of_a_warehouse_stays_a_link(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "other" / "real.duckdb"
    other.parent.mkdir()
    home.warehouse.rename(other)
    previous_path(home.warehouse).unlink()
    home.warehouse.symlink_to(Path("..") / "other" / "real.duckdb")
    published = other.read_bytes()
    shutil.rmtree(home.path / ".rollcall")
    run = home.run()
    assert run.warehouse == str(other)
    assert home.warehouse.is_symlink()
    assert previous_path(other).read_bytes() == published
    assert {path.name for path in other.parent.iterdir()} == {
        ".rollcall",
        "real.duckdb",
        "real.previous.duckdb",
    }
    result = rollcall(home, "status")
    assert result.exit_code == 0, result.output
    assert rollcall(home, "restore").exit_code == 0
    assert (home.warehouse.is_symlink(), other.read_bytes()) == (True, published)
    assert not previous_path(home.warehouse).exists()


def test_a_link_to_a_warehouse_that_does_not_exist_yet_is_followed(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "other" / "real.duckdb"
    for path in (home.warehouse, previous_path(home.warehouse)):
        path.unlink()
    home.warehouse.symlink_to(other)
    assert rollcall(home, "sync", "--first-run").exit_code == 0
    assert (home.warehouse.is_symlink(), other.is_file()) == (True, True)


def test_a_link_that_leads_to_itself_is_refused(home: Home) -> None:
    home.warehouse.unlink()
    home.warehouse.symlink_to(home.warehouse)
    for verb in ("sync", "status"):
        refused = rollcall(home, verb)
        assert (refused.exit_code, refused.stderr) == (
            2,
            f"rollcall: {home.warehouse} is a symbolic link that leads to itself. Remove it\n",
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("broken", ["stdout", "stderr"])
def test_promise_20_an_output_that_breaks_changes_no_exit_code(home: Home, broken: str) -> None:
    with Path("/dev/full").open("wb") as full:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {broken: full}
        command = [COMMAND, "--home", home.path, "sync"]
        done = subprocess.run(command, **streams, text=True, check=False, timeout=120)
    assert done.returncode == 0
    if broken == "stdout":
        assert done.stderr == (
            "rollcall: the command succeeded, but its result cannot be printed (No space left on device)\n"
        )
    assert home.rows("select count(*) as n from runs") == [{"n": 3}]
