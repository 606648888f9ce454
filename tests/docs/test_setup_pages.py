"""The commands of the pages on setting up run in order, and the pages name every setting."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.config.tables import NOTIFY
from pipelines.extract.provider import find_providers
from pipelines.sandbox import Sandbox
from tests.support.loopback import Answer, Loopback

DOCS = Path(__file__).parents[2] / "docs"
CRONTAB = '#!/bin/sh\nif [ "$1" = -l ]; then echo "no crontab" >&2; exit 1; else cat > "$0.table"; fi\n'


def commands(page: str) -> list[list[str]]:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))
    lines = (line.split("  #")[0].strip() for line in blocks.splitlines())
    return [shlex.split(line)[1:] for line in lines if line.startswith("rollcall ")]


@pytest.mark.usefixtures("without_dlt")
def test_the_commands_run_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "crontab"
    program.write_text(CRONTAB)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    home = tmp_path / "home"
    home.mkdir()
    with Sandbox(projects=3, files=3) as sandbox, Loopback() as loopback:
        monkeypatch.setenv("NOTIFY__PING_URL", loopback.serve("ping", Answer("ok")))
        given = [tomllib.loads(text)["sources"] for text in (sandbox.config_toml(), sandbox.secrets_toml())]
        for connection, provider in (("belltastic", "belltastic"), ("matter", "matter"), ("north", "matter")):
            for key, value in (given[0][provider] | given[1][provider]).items():
                monkeypatch.setenv(f"SOURCES__{connection}__{key}".upper(), str(value))
        once = dict.fromkeys(map(tuple, [*commands("setting-up.md"), *commands("nightly.md")]))
        assert len(once) > 12
        for command in once:
            result = CliRunner().invoke(main, ["--home", str(home), *command])
            assert result.exit_code == 0, (command, result.stdout, result.stderr)
    assert "sync --quiet" in Path(f"{program}.table").read_text()
    assert loopback.asked["ping"][-1].path == ""


def test_the_output_of_init_is_as_shown(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--home", str(tmp_path), "init", "matter"])
    (shown,) = re.findall(r"```\n(- set.*?)```", (DOCS / "setting-up.md").read_text(), re.DOTALL)
    assert shown in result.stdout


@pytest.mark.parametrize("provider", sorted(find_providers(DOCS)))
def test_each_provider_has_a_page_with_its_settings(provider: str) -> None:
    page = (DOCS / "providers" / f"{provider}.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\w+)\.toml \|", page, re.MULTILINE))
    settings = find_providers(DOCS)[provider].settings
    assert rows == {setting.name: "secrets" if setting.secret else "config" for setting in settings}
    assert f"providers/{provider}.md" in (DOCS / "setting-up.md").read_text()


def test_the_page_names_every_setting_of_the_notices() -> None:
    page = (DOCS / "nightly.md").read_text()
    for setting in NOTIFY:
        assert (f"*`{setting.name}`*" if setting.secret else f"`{setting.name}`") in page, setting.name
