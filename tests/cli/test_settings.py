"""Where the warehouse and the exports are: variables, then the configuration, then the defaults."""

from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError
from pipelines.settings import exports_path, warehouse_path

from .conftest import Cli


def _configure(home: Path, text: str) -> Path:
    file = home / ".dlt" / "config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_defaults(tmp_path: Path) -> None:
    assert warehouse_path(tmp_path) == tmp_path / "warehouse.duckdb"
    assert exports_path(tmp_path) == tmp_path / "exports"


def test_paths_are_relative_to_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(tmp_path, '[warehouse]\npath = "data/w.duckdb"\n[exports]\npath = "/srv/exports"\n')
    assert warehouse_path(tmp_path) == tmp_path / "data" / "w.duckdb"
    assert exports_path(tmp_path) == Path("/srv/exports")
    monkeypatch.chdir(tmp_path)
    assert warehouse_path(Path()) == tmp_path / "data" / "w.duckdb"


def test_variables_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(tmp_path, '[warehouse]\npath = "a"\n')
    monkeypatch.setenv("WAREHOUSE__PATH", "b")
    monkeypatch.setenv("EXPORTS__PATH", "~/c")
    monkeypatch.setenv("HOME", "/home/x")
    assert warehouse_path(tmp_path) == tmp_path / "b"
    assert exports_path(tmp_path) == Path("/home/x/c")
    monkeypatch.setenv("WAREHOUSE__PATH", "")
    assert warehouse_path(tmp_path) == tmp_path / "a"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("[warehouse]\npath = \n", "Invalid value (at line 2, column 8)"),
        ("[warehouse\n", "Expected ']' at the end of a table declaration (at line 1, column 11)"),
    ],
)
def test_what_is_not_toml(tmp_path: Path, text: str, remedy: str) -> None:
    file = _configure(tmp_path, text)
    assert Cli(tmp_path)("status", code=2).stderr == f"rollcall: {file} is not TOML. {remedy}\n"


def test_what_is_not_text(tmp_path: Path) -> None:
    file = _configure(tmp_path, "")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        warehouse_path(tmp_path)


@pytest.mark.parametrize(
    "text", ["[warehouse]\npath = 3\n", "warehouse = 3\n", "[warehouse]\npath = ['a']\n"]
)
def test_a_path_is_a_text(tmp_path: Path, text: str) -> None:
    file = _configure(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        warehouse_path(tmp_path)
    assert raised.value.reason.startswith(f"path of [warehouse] in {file} should be a text, not ")


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".dlt" / "config.toml").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        warehouse_path(tmp_path)
