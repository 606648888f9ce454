"""Only the files of the home and the documented variables configure a run, wherever the home is."""

import subprocess
import sys
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from pipelines.common.errors import ConfigurationError
from pipelines.warehouse.lock import UNFIT
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

from .conftest import Load

BELLTASTIC = "[sources.belltastic]\n"
TOKEN = '[sources.belltastic]\napi_token = "user_1"\n'


def test_a_variable_comes_before_a_file(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__RILLSOFT__ACCESS_TOKEN", "0123")
    monkeypatch.setenv("SOURCES__RILLSOFT__CLIENT_IDS", "11, 12")
    monkeypatch.setenv("SOURCES__RILLSOFT__TIMEOUT_S", "7.5")
    (connection,) = load(
        "[sources.rillsoft]\nbase_url = 'https://example.com/'\nclient_ids = [1]\ntimeout_s = 5"
    )
    assert dict(connection.settings) == {
        "provider": None,
        "max_connections": 8,
        "max_retries": 4,
        "max_body_mb": 64,
        "timeout_s": 7.5,
        "retry_wait_s": 1.0,
        "removal_limit": 0.1,
        "drop_fields": (),
        "ca_file": None,
        "proxy": None,
        "base_url": "https://example.com",
        "client_ids": ("11", "12"),
        "access_token": "0123",
        "time_zone": "UTC",
        "permission": None,
    }


def test_a_variable_that_names_no_connection_is_never_used(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("API_TOKEN", "TOKEN", "PASSWORD", "SOURCES__API_TOKEN", "BELLTASTIC__API_TOKEN"):
        monkeypatch.setenv(variable, "swordfish")
    with pytest.raises(ConfigurationError) as refusal:
        load(BELLTASTIC)
    assert refusal.value.reason == "belltastic has no api_token"


def test_a_run_needs_no_files_of_dlt_and_ignores_unrelated_variables(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_url = loopback.serve("bells", Answer([{"id": 1, "name": "Great Tom"}]))
    own = {"SOURCES__BELLTASTIC__API_TOKEN": "user_1", "SOURCES__BELLTASTIC__BASE_URL": base_url}
    others = {"PASSWORD": "swordfish", "TOKEN": "swordfish", "BASE_URL": "http://127.0.0.1:9"}
    read_by_dlt = {
        "CREDENTIALS": str(home.path / "elsewhere.duckdb"),
        "DATASET_NAME": "elsewhere",
        "DEV_MODE": "true",
        "LOADER_FILE_FORMAT": "jsonl",
        "PROGRESS": "log",
    }
    for variable, value in (own | others | read_by_dlt).items():
        monkeypatch.setenv(variable, value)
    assert home.run().exit_code == 0
    assert home.rows("select project_key, name from projects") == [
        {"project_key": "belltastic:1", "name": "Great Tom"}
    ]
    assert {asked.headers["Authorization"] for asked in loopback.asked["bells"]} == {"Bearer user_1"}
    assert {path.name for path in home.path.iterdir()} == {".rollcall", "warehouse.duckdb"}


def test_a_directory_may_have_almost_any_name(tmp_path: Path, loopback: Loopback) -> None:
    path = tmp_path / "O'Brien & Søn's #1; \"x\" {y}"
    path.mkdir()
    home = Home(path)
    home.connect("belltastic", base_url=loopback.serve("bells", Answer([])), api_token="user_1")
    for _ in range(2):
        assert home.run().outcome == "complete"


@pytest.mark.parametrize("sign", UNFIT)
def test_a_directory_that_nothing_can_land_in_is_named(sign: str, tmp_path: Path, loopback: Loopback) -> None:
    path = tmp_path / f"bells{sign}"
    path.mkdir()
    home = Home(path)
    home.connect("belltastic", base_url=loopback.serve("bells", Answer([])), api_token="user_1")
    with pytest.raises(ConfigurationError) as refusal:
        home.run()
    assert (
        refusal.value.reason == f"the path of {home.warehouse} contains {sign}, which dlt or DuckDB misreads"
    )
    assert loopback.asked["bells"] == []


@pytest.mark.parametrize("variable", ["HOME", "XDG_DATA_HOME", "DLT_PROJECT_DIR", "DLT_DATA_DIR"])
def test_files_outside_the_home_have_no_effect(variable: str, tmp_path: Path) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    for folder in (home / ".dlt", other / ".dlt", other / "dlt"):
        folder.mkdir(parents=True)
        (folder / "secrets.toml").write_text('[sources.matter]\ntoken = "foreign"\n[sources.github]\nx = 1\n')
        (folder / "config.toml").write_text("not TOML")
    (home / ".dlt" / "config.toml").write_text("")
    (home / ".dlt" / "secrets.toml").write_text(TOKEN)
    (home / ".dlt" / "secrets.toml").chmod(0o600)
    program = (
        "from pathlib import Path; from pipelines.extract.connections import load_connections; "
        f"print(*(one.name for one in load_connections(Path({str(home)!r}))))"
    )
    places = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", variable: str(other)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=places, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("belltastic\n", "")


def test_a_byte_order_mark_and_windows_line_ends_are_skipped(load: Load) -> None:
    (connection,) = load(
        "\ufeff" + BELLTASTIC + "max_retries = 2\r\n", "\ufeff" + TOKEN.replace("\n", "\r\n")
    )
    assert connection.settings["max_retries"] == 2
    assert connection.settings["api_token"] == "user_1"


def test_vaults_and_airflow_are_never_read(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    for vault in ("AIRFLOW", "GOOGLE", "AWS"):
        monkeypatch.setenv(f"PROVIDERS__ENABLE_{vault}_SECRETS", "true")
    monkeypatch.setenv("RUNTIME__SENTRY_DSN", "https://key@sentry.invalid/1")
    assert [connection.name for connection in load("", TOKEN)] == ["belltastic"]
    places = [provider.name for provider in Container()[PluggableRunContext].providers.providers]
    assert places == ["Environment Variables", "secrets.toml", "config.toml"]
