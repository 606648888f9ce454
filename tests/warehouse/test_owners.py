"""A home belongs to the user that runs every night; others, root included, leave it usable for that user."""

import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

NIGHTLY = 4242  # a user without a name
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def nightly(home: Home, loopback: Loopback) -> Home:
    """A home in which another user has synced twice."""
    base_url = loopback.serve("belltastic", Answer([{"id": 1, "name": "Bells"}]))
    home.connect("belltastic", base_url=base_url, api_token="user_1")
    home.run()
    home.run()
    for path in (home.path, *home.path.rglob("*")):
        os.chown(path, NIGHTLY, NIGHTLY)
    return home


def rollcall(home: Home, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments])
    assert result.exit_code == code, result.output
    return result


@needs_root
@pytest.mark.parametrize(
    "arguments",
    [
        ("restore",),
        ("retire", "belltastic", "--yes"),
        ("rename", "belltastic", "bells", "--yes"),
        ("forget", "belltastic:1", "--yes"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_root_publishes_belongs_to_the_user_of_the_home(
    nightly: Home, arguments: tuple[str, ...]
) -> None:
    rollcall(nightly, *arguments)
    files = [nightly.warehouse, *nightly.path.glob("warehouse.*.duckdb")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in files} == {(NIGHTLY, NIGHTLY)}


@needs_root
def test_root_is_sent_to_the_user_whose_secrets_these_are(nightly: Home) -> None:
    secrets = nightly.path / ".dlt" / "secrets.toml"
    refused = rollcall(nightly, "sync", code=2).stderr
    assert refused == f"rollcall: {secrets} belongs to another user. Run this as user {NIGHTLY}\n"


@pytest.mark.parametrize("verb", ["status", "export", "report"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    home: Home, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    home.warehouse.write_bytes(b"private")
    shutil.copyfile(home.warehouse, home.path / "warehouse.previous.duckdb")

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise duckdb.IOException(f'IO Error: Cannot open file "{path}": Permission denied')

    monkeypatch.setattr("pipelines.warehouse.reader.open_database", refuse)
    refused = rollcall(home, verb, code=2).stderr
    assert "may not be read by" in refused
    assert ("restore" in refused, refused.count("\n")) == (False, 1)
