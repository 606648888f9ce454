"""The page on exporting: its report, commands, manifest and programs are run."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.config.tables import EXPORTS_KEPT
from pipelines.output.xlsx import LONGEST_TEXT, MOST_ROWS
from tests.docs.pages import commands, files, page

PAGE = page("exporting.md")
TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z$")
CHECK, GIVEN_BACK = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def home(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the report of the page, where commands and programs run."""
    shutil.copyfile(published / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    for name, text in files(PAGE).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(command: str) -> str:
    program, *arguments = shlex.split(command.partition(" | ")[0])
    assert program == "rollcall"
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, (command, result.stderr)
    return result.stdout


def _shape(value: object) -> object:
    """The structure of JSON without its values; an array has that of its first element."""
    match value:
        case dict():
            return {key: _shape(member) for key, member in value.items()}
        case list():
            return [_shape(member) for member in value[:1]]
    return None


def test_the_commands_of_the_page_on_exporting_run(home: Path) -> None:
    printed = {command: _run(command) for command in commands(PAGE)}
    assert len(printed) == 9
    assert printed["rollcall export clients --output -"] == (
        'provider,client_name,projects,open\nevovoice,Quay,1,1\nmatter,"Über, ""Bau""\nGmbH",1,0\n'
    )
    for folder in ("exports", "shared"):
        (run,) = home.glob(f"{folder}/2026*")
        assert re.search(rf"^  {run.name}/ ", PAGE, re.MULTILINE)
        assert {path.name for path in run.iterdir()} >= {"clients.csv", "projects.csv", "manifest.json"}
    assert (home / "exports" / "projects.xlsx").is_file()


def test_the_manifest_is_as_shown(home: Path) -> None:
    _run("rollcall export --all")
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    manifest = json.loads((home / "exports" / "latest" / "manifest.json").read_text())
    assert _shape(json.loads(shown)) == _shape(manifest)
    assert json.loads(shown)["made_by"] == manifest["made_by"]


def test_the_check_finds_what_was_altered(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run("rollcall export --all")
    exec(CHECK, {})
    assert capsys.readouterr().out == "belltastic was last verified 2026-11-02T02:00:00Z\n"
    with (home / "exports" / "latest" / "projects.csv").open("a") as file:
        file.write("one more")
    with pytest.raises(SystemExit, match=r"projects\.csv is not what was exported"):
        exec(CHECK, {})


@pytest.mark.parametrize("option", ["", "--excel"])
def test_exported_values_can_be_read_back(home: Path, option: str) -> None:
    (home / "sql" / "reports" / "ids.sql").write_text(
        "select unnest(['007', '=1+1', '''@x', '+49 170 12345', '3/4', '#N/A', 'a']) as id, 10::hugeint ** 20"
    )
    scope: dict[str, object] = {}
    exec(GIVEN_BACK, scope)
    given_back = scope["given_back"]
    assert callable(given_back)
    for report in ("ids", "projects"):
        read = {}
        for kind in ("--raw", option):
            _run(f"rollcall export {report} {kind}")
            with (home / "exports" / f"{report}.csv").open(encoding="utf-8-sig", newline="") as file:
                read[kind] = list(csv.reader(file))
        assert read[option] != read["--raw"]
        if option == "--excel":  # times as a spreadsheet reads them
            read["--raw"] = [[TIME.sub(r"\1 \2", cell) for cell in row] for row in read["--raw"]]
        assert [[given_back(cell) for cell in row] for row in read[option]] == read["--raw"]


def test_the_page_states_the_limits_of_the_code() -> None:
    assert f"The newest {EXPORTS_KEPT} folders are kept" in PAGE
    assert f"A string of more than {LONGEST_TEXT:,} characters is cut" in PAGE
    assert f"More than {MOST_ROWS:,} rows do not fit" in PAGE
