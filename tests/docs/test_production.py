"""Every command of the page on production runs, block by block, in the order of the page.

`programs.py` replaces the programs that need another user, a container engine or a cluster.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.sandbox import Sandbox
from tests.docs import programs
from tests.packaging.tree import ROOT, copy_sources
from tests.support.home import Home, sandbox_settings
from tests.support.loopback import Answer, Loopback

from .pages import page

PAGE = page("production.md")


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in programs.PROGRAMS:
        program = folder / name
        program.write_text(f"#!{sys.executable}\n{Path(programs.__file__).read_text()}")
        program.chmod(0o755)
    (folder / "rollcall").symlink_to(programs.ROLLCALL)
    return folder


def test_every_block_of_the_page_runs(tmp_path: Path, bin_folder: Path) -> None:
    places = {place: f"{tmp_path}{place}" for place in ("/srv/rollcall", "/opt/rollcall", "/srv/backup")}
    source = copy_sources(tmp_path / "source")
    for name in ("Dockerfile", "compose.yaml"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    cluster, here = tmp_path / "cluster", tmp_path / "here"
    cluster.mkdir()
    here.mkdir()
    home = Home(here)
    with Sandbox(seed=5, projects=3, files=3) as sandbox, Loopback() as loopback:
        home.connect("belltastic", **sandbox_settings(sandbox)["belltastic"])
        (here / "secrets.env").write_text("SOURCES__BELLTASTIC__API_TOKEN=user_1\n")
        environment = {
            "PATH": f"{bin_folder}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "SOURCE": str(source),
            "CLUSTER": str(cluster),
            "NOTIFY__PING_URL": loopback.serve("ping", Answer("ok")),
        }
        for block in blocks():
            script = block
            for shown, real in places.items():
                script = script.replace(shown, real)
            done = subprocess.run(
                ["/bin/sh", "-e", "-c", script],
                cwd=here, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, (block, done.stdout, done.stderr)
    assert f"--home {tmp_path}/srv/rollcall sync --quiet" in (cluster / "crontab").read_text()
    job = yaml.safe_load((cluster / "CronJob-rollcall").read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example.com/tools/rollcall-sync:0.1.0"
    runs = "select count(*) as runs from runs"
    assert home.rows(runs) == [{"runs": 1}]
    assert Home(tmp_path / "srv" / "rollcall").rows(runs) == [{"runs": 2}]
    assert Home(tmp_path / "opt" / "rollcall" / "home").rows(runs) == [{"runs": 3}]
    assert len(list((tmp_path / "srv" / "backup" / "rollcall").glob("2*/manifest.json"))) == 1
    assert "log" in {asked.path for asked in loopback.asked["ping"]}


def test_its_links_lead_to_its_headings() -> None:
    headings = {one.lower().replace(" ", "-") for one in re.findall(r"^## (.*)$", PAGE, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    assert links == {"on-a-server", "in-a-container", "on-kubernetes"}
    assert links <= headings
