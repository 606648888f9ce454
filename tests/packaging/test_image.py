"""The image, as far as it can be tested without a container engine: its files and their commands."""

import json
import re
import shutil
import subprocess
import sys
import zoneinfo
from pathlib import Path

import click
import pytest
import yaml

from pipelines.cli import main
from pipelines.commands.schedule.kubernetes import HOME, USER
from tests.packaging.dockerfile import stages
from tests.packaging.tree import ROOT

BUILD, IMAGE = stages()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def lint(*command: str) -> None:
    program = Path(sys.executable).parent / command[0]
    checked = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_linters_find_nothing() -> None:
    lint("hadolint", "--no-color", "Dockerfile")
    lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_the_image_runs_as_the_unprivileged_user_of_kubernetes() -> None:
    user = f"{USER}:{USER}"
    assert IMAGE.all("USER") == [user]
    assert f"--uid {USER} " in " ".join(IMAGE.all("RUN"))
    home = HOME
    assert (IMAGE.all("VOLUME"), IMAGE.all("WORKDIR")) == ([home], [home])
    assert IMAGE.environment["ROLLCALL_HOME"] == home


def test_the_image_contains_no_compiler_and_no_build_tool() -> None:
    commands = " ".join([*BUILD.all("RUN"), *IMAGE.all("RUN")])
    assert not re.search(r"\b(apt-get|apk|gcc|build-essential|curl|wget)\b", commands)
    assert IMAGE.all("COPY") == ["--from=build /opt/rollcall /opt/rollcall"]
    assert {stage.base.partition(":")[0] for stage in (BUILD, IMAGE)} == {"python"}
    assert BUILD.base == IMAGE.base
    assert "-slim" in IMAGE.base


def test_every_version_is_that_of_the_lock() -> None:
    pip, *syncs = BUILD.all("RUN")
    assert re.search(r" uv==[\d.]+$", pip)
    assert len(syncs) == 2
    assert all("uv sync --frozen --no-dev" in sync for sync in syncs)


def test_the_commands_of_its_instructions_exist() -> None:
    (healthy,) = IMAGE.all("HEALTHCHECK")
    assert IMAGE.all("ENTRYPOINT") == ['["rollcall"]']
    program, verb, *arguments = json.loads(healthy.partition(" CMD ")[2])
    assert program == "rollcall"
    command = main.get_command(click.Context(main), verb)
    assert command is not None
    command.make_context(verb, arguments, parent=click.Context(main)).close()


def ignored(path: str) -> bool:
    """Whether .dockerignore leaves a path out, by the rules that it uses: the last line that fits counts."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")]
    left_out = False
    for line in lines:
        pattern = line.removeprefix("!")
        parts = Path(path).parts
        if pattern == "*" or parts[0] == pattern or pattern.removeprefix("**/") in parts:
            left_out = not line.startswith("!")
    return left_out


def test_the_context_holds_what_is_copied_and_nothing_else() -> None:
    copied = [name for text in BUILD.all("COPY") for name in text.split()[:-1]]
    assert [name for name in copied if ignored(name) or not (ROOT / name).exists()] == []
    kept = {path.name for path in ROOT.iterdir() if not ignored(path.name)}
    assert kept == set(copied)
    for secret in (".dlt/secrets.toml", "warehouse.duckdb", ".git/config", "home/.dlt/config.toml"):
        assert ignored(secret)
    assert ignored("pipelines/__pycache__/cli.cpython-313.pyc")


def test_the_containers_can_write_to_the_home_and_to_tmp_only() -> None:
    for service in COMPOSE["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == ["/tmp"]
        assert [volume.rpartition(":")[2] for volume in service["volumes"]] == [HOME]
        assert "privileged" not in service
        assert "ports" not in service


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_the_container_that_runs_on_starts_a_run_at_half_past_four(
    zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run its command with `sleep` and `rollcall` replaced by programs that record their arguments."""
    programs = {
        "sleep": 'echo "sleep until $(date --date=@$(($(date +%s) + $1)) +%H:%M)" >> LOG\n'
        '[ "$(grep --count sleep LOG)" -lt 3 ]',
        "rollcall": 'echo "rollcall $*" >> LOG\nexit 3',
    }
    for name, script in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script.replace('LOG', str(tmp_path / 'log'))}\n")
        program.chmod(0o755)
    shell, option, script = COMPOSE["services"]["nightly"]["entrypoint"]
    assert zoneinfo.ZoneInfo(zone)
    monkeypatch.setenv("TZ", zone)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert shutil.which("sleep") == str(tmp_path / "sleep")
    subprocess.run([shell, option, script.replace("$$", "$")], check=False, timeout=60)
    run = ["sleep until 04:30", "rollcall sync --quiet"]
    assert (tmp_path / "log").read_text().splitlines() == [*run, *run, "sleep until 04:30"]
