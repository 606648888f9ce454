"""`rollcall sandbox --init`: a home to try the sandbox with."""

import json
import stat
import subprocess
import sys

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.commands.sandbox_home import introduce_home
from pipelines.sandbox import Sandbox


def sync(home) -> dict:
    result = CliRunner().invoke(main, ["--home", str(home), "sync", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_served_home_can_be_synced(tmp_path):
    home = tmp_path / "a home"
    code = "from pipelines.cli import main; main(prog_name='rollcall')"
    command = [sys.executable, "-c", code, "--home", str(tmp_path), "sandbox", "--init", "a home"]
    with subprocess.Popen(
        [*command, "--projects", "3", "--files", "4"], stdout=subprocess.PIPE, text=True
    ) as served:
        try:
            assert served.stdout.readline().startswith(
                f"{home} is connected to the five simulated providers at http:"
            )
            assert served.stdout.readline() == f"In another terminal: rollcall sync --home '{home}'\n"
            assert {listing["outcome"] for listing in sync(home)["listings"]} == {"verified"}
        finally:
            served.terminate()
    assert stat.S_IMODE((home / ".dlt").stat().st_mode) == 0o700
    assert stat.S_IMODE((home / ".dlt" / "secrets.toml").stat().st_mode) == 0o600


def test_a_home_continues_its_history_at_another_port(tmp_path):
    for new in (15, 0):  # five providers with three projects each
        with Sandbox(projects=3, files=3) as sandbox:
            list(introduce_home(tmp_path, sandbox))
            assert sum(listing["new"] for listing in sync(tmp_path)["listings"]) == new


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_configuration_of_another_origin_is_kept(tmp_path, name):
    (tmp_path / ".dlt").mkdir()
    file = tmp_path / ".dlt" / name
    file.write_text("[sources.matter]\n")
    result = CliRunner().invoke(main, ["sandbox", "--init", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (
        2,
        f"rollcall: {file} was not written by rollcall sandbox. Name another directory\n",
    )
    assert file.read_text() == "[sources.matter]\n"
