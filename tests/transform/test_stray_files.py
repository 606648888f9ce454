"""Files that editors and desktops leave in a home do not stop a run or an export."""

import re
from pathlib import Path

import pytest

from pipelines.commands.export import find_reports
from pipelines.common.errors import ConfigurationError
from pipelines.extract.provider import find_providers
from pipelines.transform.build import read_models
from pipelines.transform.graph import read_relations

LAYERS = ("checks", "marts", "staging", "intermediate", "functions", "macros")


@pytest.fixture
def stray(tmp_path: Path) -> Path:
    """A home with the files that macOS, Emacs and a mistaken `mkdir` leave in each folder."""
    for folder in ("providers", "sql/reports", *(f"sql/{layer}" for layer in LAYERS)):
        ending = "py" if folder == "providers" else "sql"
        place = tmp_path / folder
        place.mkdir(parents=True)
        (place / f"._x.{ending}").write_bytes(b"\x00\x05\x16\x07\xff")
        (place / f".#x.{ending}").symlink_to("somebody@elsewhere")
        (place / f"x.{ending}~").write_text("half a")
        (place / ".DS_Store").write_bytes(b"\x00\xff")
        (place / f"x.{ending}").mkdir()
    return tmp_path


def test_stray_files_are_not_models_reports_or_providers(stray: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    for layer in LAYERS:
        assert read_models(layer, stray).keys() == read_models(layer, nothing).keys()
    assert find_reports(stray) == find_reports(nothing)
    assert find_providers(stray).keys() == find_providers(nothing).keys()


def test_a_check_with_a_byte_order_mark_and_windows_line_ends_keeps_its_severity(tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "checks"
    folder.mkdir(parents=True)
    (folder / "mine.sql").write_bytes(b"\xef\xbb\xbf-- Old.\r\n-- severity: warning\r\nselect 1\r\n")
    check = read_models("checks", tmp_path)["mine"]
    assert (check.severity, check.description, check.sql[:2]) == ("warning", "Old.", "--")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("incremental: owner_id", "is incremental by 'owner_id'"),
        ("incremental: project_key, file_key", "is incremental by 'project_key, file_key'"),
        (
            "incremental: project_key",
            "names the column project_key in its header and does not select it",
        ),
        (
            "refreshed: last_seen_at",
            "names the column last_seen_at in its header and does not select it",
        ),
    ],
)
def test_a_mart_whose_head_cannot_work_is_rejected_when_it_is_read(
    tmp_path: Path, head: str, reason: str
) -> None:
    (tmp_path / "sql" / "marts").mkdir(parents=True)
    (tmp_path / "sql" / "marts" / "mine.sql").write_text(
        f"-- Mine.\n-- grain: owner_id\n-- {head}\nselect owner_id from projects"
    )
    with pytest.raises(ConfigurationError, match=re.escape(reason)):
        read_relations(tmp_path)
