"""The released files work in a clean environment, installed from a package index: `make check-release`."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.packaging.dockerfile import stages
from tests.packaging.tree import ROOT, copy_sources, git, hatchling, run, uv

pytestmark = pytest.mark.skipif("RELEASE" not in os.environ, reason="installs packages: make check-release")

# They cover the whole package: a run over HTTP, its SQL, exports, the report, setup and schedules.
SMOKE = (
    *("tests/commands/test_seven_runs.py", "tests/cli/test_export.py", "tests/cli/test_query.py"),
    *("tests/commands/report/test_command.py", "tests/commands/setup/test_init.py"),
    "tests/warehouse/test_restore.py",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = copy_sources(tmp_path_factory.mktemp("sources") / "rollcall")
    hatchling(sources, "build", "--target", "wheel")
    (built,) = (sources / "dist").iterdir()
    return built


def environment(folder: Path) -> Path:
    """A new environment without any package; returns its Python."""
    run([uv(), "venv", "--quiet", str(folder)], ROOT)
    return folder / "bin" / "python"


def install(python: Path, *packages: str) -> None:
    run([uv(), "pip", "install", "--quiet", "--python", str(python), *packages], ROOT)


def test_the_wheel_alone_runs_and_says_what_an_extra_would_add(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "environment")
    install(python, "--constraint", "constraints.txt", str(wheel))
    command = str(python.with_name("rollcall"))
    version = wheel.name.split("-")[1]
    assert run([command, "--version"], tmp_path) == f"rollcall {version}"
    assert run([command, "init", "belltastic"], tmp_path).startswith("wrote ")
    refused = subprocess.run([command, "demo"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "rollcall: starlette is not installed. Run: pip install 'starlette>=0.46' 'uvicorn>=0.34'\n"
    )
    install(python, "--constraint", "constraints.txt", f"{wheel}[sandbox]")
    assert "are listed now" in run([command, "demo"], tmp_path)


def test_a_part_of_the_tests_holds_for_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """It runs in a directory without the sources, so that only the wheel can be imported."""
    folder = tmp_path / "environment"
    dependencies = [uv(), "sync", "--frozen", "--quiet", "--all-extras", "--no-install-project"]
    run(dependencies, ROOT, {"UV_PROJECT_ENVIRONMENT": str(folder)})
    install(folder / "bin" / "python", "--no-deps", str(wheel))
    away = tmp_path / "away"
    away.mkdir()
    for name in ("tests", "docs", "README.md", "pyproject.toml"):
        (away / name).symlink_to(ROOT / name)
    shown = run([str(folder / "bin" / "python"), "-m", "pytest", "-n", "2", *SMOKE], away)
    assert " failed" not in shown
    where = run([str(folder / "bin" / "python"), "-c", "import pipelines; print(pipelines.__file__)"], away)
    assert Path(where).is_relative_to(folder)


def test_the_workflow_for_github_installs_the_commit_that_is_pinned(tmp_path: Path) -> None:
    """Its own lines, on a copy of this repository."""
    from datetime import UTC, datetime

    from pipelines.commands.schedule.github import Package, workflow

    repository = tmp_path / "repository"
    git(tmp_path, "clone", "--quiet", str(ROOT), str(repository))
    commit = git(repository, "rev-parse", "HEAD")
    made = yaml.safe_load(workflow(datetime.now(UTC), "UTC", Package(f"file://{repository}", commit), ()))
    (step,) = [step for step in made["jobs"]["run"]["steps"] if step.get("name") == "Install Rollcall"]
    run(
        ["bash", "-e", "-c", step["run"]],
        tmp_path,
        step["env"] | {"RUNNER_TEMP": str(tmp_path), "PATH": f"{Path(uv()).parent}:{os.environ['PATH']}"},
    )
    version = run([str(tmp_path / "rollcall" / ".venv" / "bin" / "rollcall"), "--version"], tmp_path)
    assert version.endswith(f"+g{commit[:9]}")


def test_the_steps_of_the_dockerfile_build_what_the_image_runs(tmp_path: Path) -> None:
    """They run here, in folders in the place of the image's, without a compiler in reach."""
    places = {"/opt/rollcall": str(tmp_path / "opt"), "/src": str(tmp_path / "src")}

    def moved(text: str) -> str:
        for place, here in places.items():
            text = text.replace(place, here)
        return text

    build, image = stages()
    python = environment(tmp_path / "base")
    run([uv(), "pip", "install", "--quiet", "--python", str(python), "pip"], ROOT)
    variables = {"PATH": f"{python.parent}:/nonexistent", "VERSION": "7.8.9", "UV_PYTHON": str(python)}
    folder = tmp_path
    for keyword, text in build.instructions:
        match keyword:
            case "WORKDIR":
                folder = Path(moved(text))
                folder.mkdir()
            case "ENV":
                variables |= {name: moved(value) for name, value in build.environment.items()}
            case "COPY":
                *names, target = text.split()
                for name in names:
                    source = ROOT / name
                    if source.is_dir():
                        shutil.copytree(source, folder / target)
                    else:
                        shutil.copyfile(source, folder / target / name)
            case "RUN":
                run(["/bin/sh", "-e", "-c", moved(text)], folder, variables)
            case other:
                assert other == "ARG"
    shutil.rmtree(tmp_path / "src")  # the image has only the environment
    home = tmp_path / "home"
    home.mkdir()
    given = {"ROLLCALL_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{tmp_path}/opt/bin:/bin"}
    (entrypoint,) = (json.loads(text) for text in image.all("ENTRYPOINT"))
    assert run([*entrypoint, "--version"], home, given) == "rollcall 7.8.9"
    assert run([*entrypoint, "init", "belltastic"], home, given).startswith("wrote ")
