"""`[warehouse] mode` and `group`: who may read the published file, after every publication."""

import grp
import os
import stat
from pathlib import Path

import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.config.settings import warehouse_access
from pipelines.warehouse.paths import previous_path
from tests.campaigns.play import land_directly
from tests.docs.pages import commands, page
from tests.support.home import Home
from tests.support.loopback import Loopback

from .conftest import list_project, rollcall


def access(path: Path) -> tuple[str, int]:
    found = path.stat()
    return oct(stat.S_IMODE(found.st_mode)), found.st_gid


def another_group() -> grp.struct_group:
    """A group that this user can give a file to, if possible not the user's own."""
    groups = [group for group in grp.getgrall() if not os.geteuid() or group.gr_gid in os.getgroups()]
    return next((group for group in groups if group.gr_gid != os.getegid()), groups[0])


def test_every_publication_grants_the_mode_and_group(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.commands.sync.land", land_directly)
    group = another_group()
    monkeypatch.setenv("WAREHOUSE__MODE", "0640")
    monkeypatch.setenv("WAREHOUSE__GROUP", group.gr_name)
    shared = ("0o640", group.gr_gid)
    list_project(home, loopback, "Third")
    home.run()
    assert access(home.warehouse) == shared
    assert rollcall(home, "forget", "belltastic:1", "--yes").exit_code == 0
    assert (access(home.warehouse), access(previous_path(home.warehouse))) == (shared, shared)
    assert rollcall(home, "retire", "belltastic", "--yes").exit_code == 0
    assert access(home.warehouse) == shared
    assert rollcall(home, "restore").exit_code == 0
    assert access(home.warehouse) == shared
    monkeypatch.delenv("WAREHOUSE__MODE")
    monkeypatch.delenv("WAREHOUSE__GROUP")
    assert rollcall(home, "retire", "belltastic", "--yes").exit_code == 0
    assert access(home.warehouse)[0] == "0o600"


@pytest.mark.parametrize("mode", ["0660", "0440", "0777", "640x", "rw", "1640"])
def test_a_mode_that_lets_others_write_or_the_owner_not_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("WAREHOUSE__MODE", mode)
    with pytest.raises(ConfigurationError, match=f"^mode of \\[warehouse\\] is '{mode}': set it to"):
        warehouse_access(tmp_path)


def test_a_group_that_this_user_cannot_grant_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE__GROUP", "no-such-group")
    with pytest.raises(ConfigurationError, match=r"^there is no group no-such-group"):
        warehouse_access(tmp_path)
    monkeypatch.setenv("WAREHOUSE__GROUP", another_group().gr_name)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getgroups", list)
    monkeypatch.setattr(os, "getegid", lambda: -1)
    with pytest.raises(ConfigurationError, match=r"^this user is not in the group"):
        warehouse_access(tmp_path)


def test_a_reader_needs_nothing_but_the_path(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = commands(page("sharing.md"))
    assert lines[0] == "mkdir -p reader/.dlt"
    reader = Home(tmp_path / "reader")
    (reader.path / ".dlt").mkdir(parents=True)
    text = lines[1].split("'")[1].replace("\\n", "\n").replace(
        "/srv/rollcall/shared/warehouse.duckdb", str(home.warehouse)
    )  # fmt: skip
    (reader.path / ".dlt" / "config.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert rollcall(reader, "status").exit_code == 0
    assert rollcall(reader, "query", "select count(*) from projects").stdout.split() == ["count_star()", "1"]
