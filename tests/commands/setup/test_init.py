"""`rollcall init`: writes a configuration that needs only values, and changes no existing settings."""

import json
import stat
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from pipelines.commands.init import init
from pipelines.common.errors import ConfigurationError
from pipelines.config.tables import TABLES
from pipelines.extract.connections import load_connections
from pipelines.extract.provider import find_providers

TOY = """
from pipelines.extract.provider import Provider, Setting

PROVIDER = Provider(
    entity="projects",
    settings=(
        Setting("base_url", required=True, about="of the toy box"),
        Setting("boxes", "list", required=True),
        Setting("depth", "integer", 3),
        Setting("key", required=True, secret=True, about="under the mat"),
    ),
    id_keys=("id",),
    pages=lambda api, ask: iter(()),
    auth=lambda settings: None,
)
"""


def run(home: Path, *arguments: str, code: int = 0, text: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home), *arguments], input=text)
    assert result.exit_code == code, (result.stdout, result.stderr)
    return result


def read(home: Path, file: str) -> str:
    return (home / ".dlt" / file).read_text()


def filled(home: Path) -> None:
    """Give every key without a value a valid one."""
    values = {"base_url": '"https://example.com/api"', "client_ids": "[1]"}
    for name in ("config.toml", "secrets.toml"):
        path = home / ".dlt" / name
        lines = []
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" = ")
            empty = value.split("#")[0].strip() in {'""', "[]"} and not line.startswith("#")
            value = values.get(key, "'x'")
            lines.append(f"{key} = {value}" if empty else line)
        path.write_text("\n".join(lines))


def test_every_provider_works_once_its_keys_have_values(tmp_path: Path) -> None:
    run(tmp_path, "init", *find_providers(tmp_path))
    with pytest.raises(ConfigurationError, match="belltastic has no api_token"):
        load_connections(tmp_path)
    filled(tmp_path)
    loaded = load_connections(tmp_path)
    assert [connection.name for connection in loaded] == sorted(find_providers(tmp_path))
    assert stat.S_IMODE((tmp_path / ".dlt" / "secrets.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / ".dlt").stat().st_mode) == 0o700
    assert read(tmp_path, ".gitignore") == "secrets.toml\n"


def test_every_default_shown_is_the_default(tmp_path: Path) -> None:
    """Removing the # before each key changes nothing."""
    run(tmp_path, "init", *find_providers(tmp_path))
    filled(tmp_path)
    before = [dict(connection.settings) for connection in load_connections(tmp_path)]
    path = tmp_path / ".dlt" / "config.toml"
    tables = path.read_text().index("\n[sources")
    text = path.read_text()[tables:].replace("\n# ", "\n")
    path.write_text(text)
    assert "page_size" in tomllib.loads(text)["sources"]["matter"]
    assert [dict(connection.settings) for connection in load_connections(tmp_path)] == before


def test_a_provider_of_the_home_needs_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "toys.py").write_text(TOY)
    result = run(tmp_path, "init", "toys")
    assert read(tmp_path, "config.toml").split("\n\n")[1] == (
        '[sources.toys]\nbase_url = ""                       # of the toy box\nboxes = []\n# depth = 3\n'
    )
    assert read(tmp_path, "secrets.toml").split("\n\n")[1] == (
        '[sources.toys]\nkey = ""                            # under the mat\n'
    )
    under = "under [sources.toys] in .dlt"
    assert result.stdout.splitlines() == [
        f"wrote {tmp_path}/.dlt/config.toml",
        f"wrote {tmp_path}/.dlt/secrets.toml",
        f'- set base_url = "…" {under}/config.toml, or the variable SOURCES__TOYS__BASE_URL',
        f'- set boxes = ["…"] {under}/config.toml, or the variable SOURCES__TOYS__BOXES',
        f'- set key = "…" {under}/secrets.toml, or the variable SOURCES__TOYS__KEY',
        f"Then: rollcall --home {tmp_path} doctor",
    ]


def test_existing_settings_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__NORTH__ACCESS_TOKEN", "from the environment")
    folder = tmp_path / ".dlt"
    folder.mkdir()
    own = '# mine\n[warehouse]\npath = "w.duckdb"\n[sources.belltastic]\ntimeout_s = 5 # slow line'
    (folder / "config.toml").write_text(own)
    (folder / "config.toml").chmod(0o640)
    done = json.loads(run(tmp_path, "init", "belltastic", "north=matter", "--json").stdout)
    assert (done["added"], done["found"]) == (["north"], ["belltastic"])
    assert [line.split(" = ")[0] for line in done["to_set"]] == ["set api_token", "set base_url"]
    assert read(tmp_path, "config.toml").startswith(own + '\n\n[sources.north]\nprovider = "matter"\n')
    assert stat.S_IMODE((folder / "config.toml").stat().st_mode) == 0o640
    assert tomllib.loads(read(tmp_path, "secrets.toml")) == {
        "sources": {"belltastic": {"api_token": ""}, "north": {"access_token": ""}}
    }
    before = {path.name: path.read_text() for path in folder.iterdir()}
    again = run(tmp_path, "init", "belltastic", "north=matter")
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert again.stdout.startswith("belltastic is already configured; left unchanged\n")


@pytest.mark.parametrize(
    ("there", "choice", "message"),
    [
        ("", "mater", "unknown provider mater. Did you mean matter?"),
        ("", "North=matter", "North is not a valid name for a connection. Use lower-case"),
        ("[sources", "matter", "config.toml is not valid TOML. Correct it: "),
        ("sources = {}", "matter", "config.toml. Write its connections as tables such as [sources.matter]"),
    ],
)
def test_a_wrong_argument_is_one_line(tmp_path: Path, there: str, choice: str, message: str) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(there)
    assert message in run(tmp_path, "init", choice, code=2).stderr
    assert {path.name: path.read_text() for path in (tmp_path / ".dlt").iterdir()} == {"config.toml": there}


def test_without_a_choice_the_options_are_listed(tmp_path: Path) -> None:
    shown = run(tmp_path, "init").stdout.splitlines()
    assert shown[0] == "belltastic     needs api_token"
    assert len(shown) == len(find_providers(tmp_path))
    assert not (tmp_path / ".dlt").exists()


def test_a_new_configuration_names_every_other_table(tmp_path: Path) -> None:
    init(tmp_path, ["matter"])
    text = (tmp_path / ".dlt" / "config.toml").read_text()
    assert [table for table in TABLES if f"[{table}]" not in text] == []
