"""The paths of the warehouse and the exports: variables first, then the configuration, then defaults."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.common.errors import ConfigurationError
from pipelines.common.files import private_folder
from pipelines.config.settings import check_time_zone, exports_path, warehouse_path
from pipelines.extract.connections import load_connections

from .conftest import Cli


def _configure(home: Path, text: str) -> Path:
    file = home / ".dlt" / "config.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_paths_have_defaults_in_the_home(tmp_path: Path) -> None:
    assert warehouse_path(tmp_path) == tmp_path / "warehouse.duckdb"
    assert exports_path(tmp_path) == tmp_path / "exports"


def test_paths_are_relative_to_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(tmp_path, '[warehouse]\npath = "data/w.duckdb"\n[exports]\npath = "/srv/exports"\n')
    assert warehouse_path(tmp_path) == tmp_path / "data" / "w.duckdb"
    assert exports_path(tmp_path) == Path("/srv/exports")
    monkeypatch.chdir(tmp_path)
    assert warehouse_path(Path()) == tmp_path / "data" / "w.duckdb"


def test_a_variable_overrides_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        ("[warehouse]\npath = \n", "Correct it: Invalid value (at line 2, column 8)"),
        ("[warehouse\n", "Correct it: Expected ']' at the end of a table declaration (at line 1, column 11)"),
    ],
)
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str, remedy: str) -> None:
    file = _configure(tmp_path, text)
    for verb in ("status", "sync"):
        assert Cli(tmp_path)(verb, code=2).stderr == f"rollcall: {file} is not valid TOML. {remedy}\n"


def test_secrets_that_are_not_toml_are_one_error_of_a_run(tmp_path: Path) -> None:
    secrets = _configure(tmp_path, "").with_name("secrets.toml")
    secrets.write_text("[sources\n")
    secrets.chmod(0o600)
    assert Cli(tmp_path)("sync", code=2).stderr.splitlines() == [
        f"rollcall: {secrets} is not valid TOML. "
        "Correct it: Expected ']' at the end of a table declaration (at line 1, column 9)"
    ]


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = _configure(tmp_path, "")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8: save it as UTF-8"):
        warehouse_path(tmp_path)


@pytest.mark.parametrize("text", ["[warehouse]\npath = 3\n", "[warehouse]\npath = ['a']\n"])
def test_a_path_in_the_settings_is_a_string(tmp_path: Path, text: str) -> None:
    file = _configure(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        warehouse_path(tmp_path)
    assert raised.value.reason.startswith(f"path of [warehouse] in {file} should be a string, not ")


@pytest.mark.parametrize("zone", ["Factory", "localtime"])
def test_a_name_that_is_not_a_place_is_not_a_time_zone(zone: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--time-zone is not an IANA time zone: "):
        check_time_zone(zone, "--time-zone")


@pytest.mark.parametrize("key", ["ca_file", "api_token_file"])
def test_a_path_of_a_user_that_does_not_exist(key: str, tmp_path: Path) -> None:
    token = "" if key == "api_token_file" else "api_token = 'user_1'\n"
    _configure(tmp_path, f"[sources.belltastic]\n{key} = '~nobody-of-this-name/x'\n")
    secrets = tmp_path / ".dlt" / "secrets.toml"
    secrets.touch(mode=0o600)
    secrets.write_text(f"[sources.belltastic]\n{token}")
    with pytest.raises(ConfigurationError) as raised:
        load_connections(tmp_path)
    assert raised.value.reason == f"{key} of belltastic is ~nobody-of-this-name/x, and there is no such user"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (r"a\u0000b", r"path of [warehouse] has a NUL: 'a\x00b'"),
        (
            "~nobody-of-this-name/x",
            "path of [warehouse] is ~nobody-of-this-name/x, and there is no such user",
        ),
    ],
)
def test_a_path_that_no_file_can_have_is_refused(path: str, reason: str, tmp_path: Path) -> None:
    _configure(tmp_path, f'[warehouse]\npath = "{path}"\n')
    with pytest.raises(ConfigurationError) as raised:
        warehouse_path(tmp_path)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("make", "reason"),
    [(os.mkdir, "is a directory"), (os.mkfifo, "is not a file")],
    ids=["directory", "pipe"],
)
@pytest.mark.parametrize("verb", ["status", "sync", "restore"])
def test_a_warehouse_is_a_file(verb: str, make: Callable[[Path], None], reason: str, tmp_path: Path) -> None:
    make(tmp_path / "warehouse.duckdb")
    result = CliRunner().invoke(main, ["--home", str(tmp_path), verb])
    assert result.exit_code == 2
    assert f"{tmp_path / 'warehouse.duckdb'} {reason}. " in result.stderr


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("keep = " + "9" * 5000, "correct it: Exceeds the limit"),
        ("keep = " + "[" * 5000, "correct it: it is nested too deeply"),
    ],
)
def test_a_file_that_python_cannot_hold_is_not_toml(text: str, remedy: str, tmp_path: Path) -> None:
    file = _configure(tmp_path, f"[warehouse]\n{text}\n")
    with pytest.raises(ConfigurationError) as raised:
        warehouse_path(tmp_path)
    assert raised.value.reason == f"{file} is not valid TOML"
    assert raised.value.remedy.startswith(remedy)


def test_a_configuration_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".dlt" / "config.toml").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        warehouse_path(tmp_path)


def test_a_configuration_that_links_nowhere_is_not_one_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    file = tmp_path / ".dlt" / "config.toml"
    file.symlink_to("old.toml")
    with pytest.raises(ConfigurationError) as raised:
        warehouse_path(tmp_path)
    assert raised.value.reason == f"{file} is a link to old.toml, which does not exist"


@pytest.mark.parametrize("verb", [("status",), ("query", "from projects"), ("export",), ("restore",)])
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("config", "[notfy]", "FILE has an unknown table [notfy]. Did you mean notify?"),
        ("secrets", "[notfy]", "FILE has an unknown table [notfy]. Did you mean notify?"),
        (
            "config",
            "[warehouse]\npth = 'a'",
            "[warehouse] in FILE has an unknown key pth. Did you mean path?",
        ),
        ("config", "[exports]\nkep = 3", "[exports] in FILE has an unknown key kep. Did you mean keep?"),
        (
            "secrets",
            "[notify]\nwebhok = 's'",
            "[notify] in FILE has an unknown key webhok. Did you mean webhook?",
        ),
        ("config", "path = 'a'", "path in FILE is outside any table. Move it below the header of its table"),
        (
            "secrets",
            "sources = 's3cret'",
            "sources in FILE is outside any table. Move it below the header of its table",
        ),
        (
            "secrets",
            "[sources]\napi_token = 's3cret'",
            "api_token under [sources] in FILE does not belong to a connection. "
            "Move it below the header of its connection, such as [sources.belltastic]",
        ),
        (
            "config",
            "[notify]\nwebhook = 's3cret'",
            "webhook of [notify] is a secret and is not read from FILE. Move it into OTHER",
        ),
        (
            "secrets",
            "[warehouse]\npath = 'a'",
            "path of [warehouse] is not read from FILE. Move it into OTHER",
        ),
    ],
)
def test_an_unknown_key_is_an_error_of_every_verb(
    home: Path, verb: tuple[str, ...], name: str, text: str, message: str
) -> None:
    folder = _configure(home, "").parent
    file, other = (
        folder / f"{one}.toml" for one in (("config", "secrets")[:: 1 if name == "config" else -1])
    )
    file.write_text(f"\ufeff{text}\n", encoding="utf-8")
    wanted = message.replace("FILE", str(file)).replace("OTHER", str(other))
    assert Cli(home)(*verb, code=2).stderr == f"rollcall: {wanted}\n"


def test_tables_of_dlt_and_of_connections_are_accepted(home: Path) -> None:
    text = "[runtime]\nlog_level = 'INFO'\n[sources.matter]\nlocale = 'de'\n[notify]\nsmtp_port = 25\n"
    _configure(home, text)
    Cli(home)("status")


def test_a_misspelled_variable_is_an_error_and_those_of_others_are_not(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WAREHOUSE__HOST", "WAREHOUSE", "LOGS__LEVEL", "LOGGING__PATH", "NOTIFY__SMTP_HOST"):
        monkeypatch.setenv(name, "x")
    Cli(home)("status")
    monkeypatch.setenv("WAREHOUSE__PTH", "x")
    assert Cli(home)("status", code=2).stderr == (
        "rollcall: the variable WAREHOUSE__PTH has no effect. Did you mean WAREHOUSE__PATH?\n"
    )


def test_a_user_without_access_to_the_secrets_can_read_the_warehouse(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = _configure(home, "").with_name("secrets.toml")
    secrets.write_text("reading this is an error")
    Cli(home)("status", code=2)
    monkeypatch.setattr("os.access", lambda path, _mode: path != secrets)  # root can read any file
    Cli(home)("status")


@pytest.mark.parametrize("umask", [0o777, 0o177, 0])
def test_a_folder_is_its_owners_with_any_umask(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")] == [
        0o700
    ] * 2
