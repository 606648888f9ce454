"""`rollcall export --all`: a complete folder for every run, and `latest`, which leads to the newest."""

import errno
import hashlib
import json
import os
import shutil
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from pipelines.commands import export as export_module

from .conftest import Cli

RUN = "20261103T020000Z"
REPORTS = ("files", "project_changes", "projects", "projects_history")
STALE = "belltastic is not up to date: last verified 2026-11-02T02:00:00Z (failed: 401 Unauthorized)\n"


@pytest.fixture
def own(home: Path) -> Cli:
    """The command line over a home that the test may change."""
    return Cli(home)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _report(home: Path, name: str, sql: str) -> None:
    folder = home / "sql" / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sql").write_text(sql)


def _next_run(home: Path, started_at: str) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")) as db:
        db.execute("set TimeZone = 'UTC'")
        db.execute("insert into runs select * replace ($1 as started_at) from runs limit 1", [started_at])


def test_promise_18_each_run_has_a_folder_with_a_manifest(own: Cli) -> None:
    folder = own.home / "exports"
    result = own("export", "--all")
    assert result.stdout == (
        f"files                      1 row  {folder}/{RUN}/files.csv\n"
        f"project_changes          14 rows  {folder}/{RUN}/project_changes.csv  (3 cells neutralised)\n"
        f"projects                  6 rows  {folder}/{RUN}/projects.csv  (2 cells neutralised)\n"
        f"projects_history         10 rows  {folder}/{RUN}/projects_history.csv  (3 cells neutralised)\n"
        f"{folder}/latest -> {RUN}\n"
    )
    assert result.stderr == STALE
    assert _names(folder) == [".rollcall", RUN, "latest"]
    assert _names(folder / ".rollcall") == ["folders.lock"]
    assert (folder / "latest").readlink() == Path(RUN)
    assert _names(folder / "latest") == [*(f"{name}.csv" for name in REPORTS[:1]), "manifest.json", *(
        f"{name}.csv" for name in REPORTS[1:]
    )]  # fmt: skip
    own("export")
    written = _bytes(folder / "latest")
    manifest = json.loads(written.pop("manifest.json"))
    assert written == {f"{name}.csv": (folder / f"{name}.csv").read_bytes() for name in REPORTS}
    rows_and_neutralised = {
        "files": (1, 0),
        "project_changes": (14, 3),
        "projects": (6, 2),
        "projects_history": (10, 3),
    }
    assert manifest == {
        "made_by": "rollcall export --all",
        "run": {"started_at": "2026-11-03T02:00:00Z", "outcome": "partial"},
        "reports": [
            {
                "report": name,
                "file": f"{name}.csv",
                "rows": rows,
                "bytes": len(written[f"{name}.csv"]),
                "sha256": hashlib.sha256(written[f"{name}.csv"]).hexdigest(),
                "neutralised": neutralised,
                "cut": 0,
            }
            for name, (rows, neutralised) in rows_and_neutralised.items()
        ],
        "failed": [],
        "connections": json.loads(own("export", "files", "--json").stdout)["connections"],
    }
    assert manifest["connections"][0] == {
        "connection": "belltastic",
        "last_verified_at": "2026-11-02T02:00:00Z",
        "is_fresh": False,
        "outcome": "failed",
        "message": "401 Unauthorized",
    }


def test_promise_23_exports_are_readable_by_their_owner_only(own: Cli) -> None:
    subprocess.run(own.command("export", "--all"), check=True, capture_output=True, umask=0, timeout=60)
    folder = own.home / "exports"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / ".rollcall", folder / RUN)} == {
        0o700
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder / RUN).iterdir()} == {0o600}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_promise_04_the_same_run_again_is_the_same_folder(own: Cli, form: str) -> None:
    own("export", "--all", "--format", form)
    folder = own.home / "exports"
    before, inode = _bytes(folder / RUN), (folder / RUN).stat().st_ino
    result = own("export", "--all", "--format", form)
    assert _names(folder) == [".rollcall", RUN, "latest"]
    assert (_bytes(folder / RUN), (folder / RUN).stat().st_ino) == (before, inode)
    assert result.stderr == f"{RUN} already exists with the same content\n{STALE}"
    shutil.rmtree(folder)
    own("export", "--all", "--format", form)
    assert _bytes(folder / RUN) == before


def test_a_report_that_changed_makes_another_folder_of_the_run(own: Cli) -> None:
    folder = own.home / "exports"
    own("export", "--all")
    before = _bytes(folder / RUN)
    _report(own.home, "late", "select 1 as a")
    own("export", "--all")
    assert (folder / "latest").readlink() == Path(f"{RUN}-02")
    assert (folder / "latest" / "late.csv").read_text() == "a\n1\n"
    assert _bytes(folder / RUN) == before
    _report(own.home, "late", "select 2 as a")
    own("export", "--all")
    assert _names(folder) == [".rollcall", RUN, f"{RUN}-02", f"{RUN}-03", "latest"]
    _report(own.home, "late", "select 1 as a")
    assert json.loads(own("export", "--all", "--json").stdout)["existed"] is True
    assert (folder / "latest").readlink() == Path(f"{RUN}-02")
    (folder / RUN / "files.csv").unlink()
    (own.home / "sql" / "reports" / "late.sql").unlink()
    own("export", "--all")
    assert _bytes(folder / f"{RUN}-04") == before


def test_the_result_names_the_folder_and_its_files_as_json(own: Cli) -> None:
    folder = own.home / "exports"
    plain = json.loads(own("export", "--json").stdout)
    for file in plain["files"]:
        file["file"] = file["file"].replace("/exports/", f"/exports/{RUN}/")
    assert json.loads(own("export", "--all", "--json").stdout) == {
        "folder": f"{folder}/{RUN}",
        "latest": f"{folder}/latest",
        "existed": False,
        "removed": [],
        **plain,
    }


def test_promise_01_a_disk_failing_between_the_files_leaves_everything_unchanged(
    own: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own.home / "exports"
    own("export", "--all")
    before = _bytes(folder / RUN)
    _next_run(own.home, "2026-11-04 02:00:00+00")
    deliver, delivered = export_module.deliver, []

    def fail_at_the_third(finished: Path, target: Path) -> None:
        if len(delivered) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        delivered.append(target.name)
        deliver(finished, target)

    monkeypatch.setattr(export_module, "deliver", fail_at_the_third)
    assert "No space left on device" in own("export", "--all", code=1).stderr
    assert delivered == ["files.csv", "project_changes.csv"]
    assert _names(folder) == [".rollcall", RUN, "latest"]
    assert _names(folder / ".rollcall") == ["folders.lock"]
    assert (_bytes(folder / "latest"), (folder / "latest").readlink()) == (before, Path(RUN))
    monkeypatch.undo()
    own("export", "--all")
    assert (folder / "latest").readlink() == Path("20261104T020000Z")


@pytest.mark.parametrize("step", ["the third file", "before the folder", "before latest", "before pruning"])
def test_promise_02_a_killed_export_leaves_only_complete_folders(own: Cli, step: str) -> None:
    folder = own.home / "exports"
    own("export", "--all")
    whole = _names(folder / RUN)
    _next_run(own.home, "2026-11-04 02:00:00+00")
    where = {
        "the third file": ("deliver", "if target.name == 'projects.csv'"),
        "before the folder": ("place_of", ""),
        "before latest": ("_point", ""),
        "before pruning": ("_prune", ""),
    }[step]
    module = "export" if where[0] == "deliver" else "export_all"
    killed = (
        "import os, signal\n"
        f"from pipelines.commands import {module} as module\n"
        f"previous = module.{where[0]}\n"
        "def killed(finished, target, *rest):\n"
        f"    {where[1] or 'if True'}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return previous(finished, target, *rest)\n"
        f"module.{where[0]} = killed\n"
    )
    program, flag, code, *arguments = own.command("export", "--all")
    ended = subprocess.run(
        [program, flag, killed + code, *arguments], capture_output=True, check=False, timeout=60
    )
    assert ended.returncode == -9, ended.stderr
    published = [path for path in folder.iterdir() if path.name.startswith("2026")]
    assert [_names(path) for path in published] == [whole] * len(published)
    assert len(published) == (1 if step in {"the third file", "before the folder"} else 2)
    led_to = RUN if step != "before pruning" else "20261104T020000Z"
    assert (folder / "latest").readlink() == Path(led_to)
    assert len(_names(folder / ".rollcall")) == 2
    own("export", "--all")
    assert _names(folder) == [".rollcall", RUN, "20261104T020000Z", "latest"]
    assert (folder / "latest").readlink() == Path("20261104T020000Z")
    assert _names(folder / ".rollcall") == ["folders.lock"]


@pytest.fixture(scope="module")
def five_runs(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the exports of five runs."""
    home = tmp_path_factory.mktemp("five_runs")
    shutil.copyfile(published / "warehouse.duckdb", home / "warehouse.duckdb")
    _runs(Cli(home), 5)
    return home


@pytest.fixture
def five(five_runs: Path, tmp_path: Path) -> Cli:
    """The command line over a copy of the home with the exports of five runs."""
    shutil.copytree(five_runs, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Cli(tmp_path)


def _runs(own: Cli, count: int) -> Path:
    for day in range(3, 3 + count):
        if day > 3:
            _next_run(own.home, f"2026-11-{day:02} 02:00:00+00")
        own("export", "--all")
    return own.home / "exports"


def test_promise_01_a_reader_finds_one_whole_run(own: Cli) -> None:
    own("export", "--all")
    latest, done = own.home / "exports" / "latest", threading.Event()

    def read() -> str:
        run = latest.resolve()
        manifest = json.loads((run / "manifest.json").read_text())
        for report in manifest["reports"]:
            found = (run / report["file"]).read_bytes()
            assert (len(found), hashlib.sha256(found).hexdigest()) == (report["bytes"], report["sha256"])
        assert len(manifest["reports"]) == len(REPORTS)
        assert manifest["run"]["started_at"].replace("-", "").replace(":", "") == run.name
        return run.name

    def read_on() -> None:
        while not done.wait(0.01):
            read()

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read_on)
        try:
            _runs(own, 3)
        finally:
            done.set()
        reader.result()
    assert read() == "20261105T020000Z"


def test_the_oldest_folders_go(five: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    own, folder = five, five.home / "exports"
    assert len(_names(folder)) == 7
    monkeypatch.setenv("EXPORTS__KEEP", "2")
    result = own("export", "--all")
    gone = [f"removed {folder}/2026110{day}T020000Z\n" for day in (3, 4, 5)]
    assert result.stderr.startswith(
        f"20261107T020000Z already exists with the same content\n{''.join(gone)}bell"
    )
    assert _names(folder) == [".rollcall", "20261106T020000Z", "20261107T020000Z", "latest"]
    assert _names(folder / ".rollcall") == ["folders.lock"]


def test_pruning_removes_only_its_own_folders_and_keeps_the_latest(
    five: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, folder = five, five.home / "exports"
    (folder / "20250101T000000Z").mkdir()
    (folder / "20250101T000000Z" / "manifest.json").write_text('{"made_by": "somebody else", "reports": []}')
    (folder / "20250102T000000Z").write_text("a file")
    (folder / "20250103T000000Z").mkdir()
    (folder / "20250103T000000Z" / "manifest.json").write_bytes(b"\xff[")
    (folder / RUN / "notes.txt").write_text("mine")
    shutil.copytree(folder / "20261104T020000Z", folder / "november")
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        # Like `rollcall restore`, but further back.
        db.execute("delete from runs where started_at > '2026-11-05'")
    monkeypatch.setenv("EXPORTS__KEEP", "1")
    result = own("export", "--all")
    assert (folder / "latest").readlink() == Path("20261104T020000Z")
    assert [line for line in result.stderr.splitlines() if line.startswith("removed")] == [
        f"removed {folder}/2026110{day}T020000Z" for day in (5, 6)
    ]
    kept = [
        "20250101T000000Z",
        "20250102T000000Z",
        "20250103T000000Z",
        RUN,
        "20261104T020000Z",
        "20261107T020000Z",
    ]
    assert _names(folder) == [".rollcall", *kept, "latest", "november"]


def test_folders_stay_if_keep_is_0(five: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    own = five
    (own.home / ".dlt").mkdir()
    (own.home / ".dlt" / "config.toml").write_text("[exports]\nkeep = 0\n")
    own("export", "--all")
    assert len(_names(own.home / "exports")) == 7
    for wrong in ("-1", "two", "1.5"):
        monkeypatch.setenv("EXPORTS__KEEP", wrong)
        assert own("export", "--all", code=2).stderr == (
            f"rollcall: keep of [exports] should be an integer, not '{wrong}'. Write it as keep = 14\n"
        )


def test_latest_is_a_text_file_on_a_file_system_without_links(
    own: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: str) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(self))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = own.home / "exports"
    assert own("export", "--all").stdout.endswith(f"{folder}/latest.txt -> {RUN}\n")
    assert (folder / "latest.txt").read_text() == f"{RUN}\n"
    assert _names(folder) == [".rollcall", RUN, "latest.txt"]


def test_a_directory_in_place_of_latest_is_refused(own: Cli) -> None:
    latest = own.home / "exports" / "latest"
    latest.mkdir(parents=True)
    assert own("export", "--all", code=2).stderr == (
        f"rollcall: {latest} is in the way of the link to the newest export. Move it away\n"
    )
    assert _names(own.home / "exports") == ["latest"]
    latest.rmdir()
    _report(own.home, "manifest", "select 1 as a")
    assert "would overwrite the manifest" in own("export", "--all", "--format", "json", code=2).stderr
    own("export", "--all")


def test_names_together_with_all_are_refused(own: Cli) -> None:
    expected = (
        "rollcall: --all exports every report into a directory: leave out the names and the file. "
        "See rollcall export --help\n"
    )
    assert own("export", "--all", "projects", code=2).stderr == expected
    assert own("export", "--all", "-o", "-", code=2).stderr == expected


def test_a_command_creates_no_folder_in_a_home_without_a_warehouse(tmp_path: Path) -> None:
    assert "there is no warehouse" in Cli(tmp_path)("export", "--all", code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_warehouse_without_a_run_is_refused(own: Cli) -> None:
    with duckdb.connect(str(own.home / "warehouse.duckdb")) as db:
        db.execute("delete from runs")
    assert own("export", "--all", code=2).stderr == (
        f"rollcall: there is no run in {own.home}/warehouse.duckdb yet. Run `rollcall sync`\n"
    )


def test_two_processes_that_want_one_lock_take_turns(own: Cli) -> None:
    running = [
        subprocess.Popen(own.command("export", "--all"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    ends = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ends
    assert _names(own.home / "exports") == [".rollcall", RUN, "latest"]
