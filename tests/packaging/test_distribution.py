"""The distribution: its name, version and contents, and that the same sources build the same files."""

import hashlib
import re
import shutil
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.packaging.names import INSTALLS_ANOTHER
from tests.packaging.tree import ROOT, copy_sources, git, hatchling, run, uv

COMMITTED_AT = "1795941730"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources without git, as an archive of them leaves them."""
    return copy_sources(tmp_path_factory.mktemp("sources") / "rollcall")


@pytest.fixture(scope="module")
def built(sources: Path) -> dict[str, Path]:
    """A wheel and an sdist, by extension."""
    hatchling(sources, "build", SOURCE_DATE_EPOCH=COMMITTED_AT)
    return {path.suffix: path for path in (sources / "dist").iterdir()}


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_same_sources_build_the_same_files(
    built: dict[str, Path], tmp_path: Path, private_umask: None
) -> None:
    """Elsewhere, later, and with other permissions on the files."""
    elsewhere = copy_sources(tmp_path / "elsewhere")
    hatchling(elsewhere, "build", SOURCE_DATE_EPOCH=COMMITTED_AT)
    first = digests(built[".whl"].parent)
    assert [name.partition("-")[0] for name in first] == ["rollcall_sync"] * 2
    assert digests(elsewhere / "dist") == first


def test_the_wheel_holds_the_package_and_its_sql_and_nothing_else(built: dict[str, Path]) -> None:
    names = zipfile.ZipFile(built[".whl"]).namelist()
    (metadata,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
    packaged = {name.removeprefix("pipelines/") for name in names if name.startswith("pipelines/")}
    expected = {
        *(str(path.relative_to(ROOT / "pipelines")) for path in (ROOT / "pipelines").rglob("*.py")),
        *(str(path.relative_to(ROOT)) for path in (ROOT / "sql").rglob("*") if path.is_file()),
        "notebooks/projects.py",
    }
    assert expected - packaged == set()
    assert {name.partition("/")[0] for name in names} == {"pipelines", metadata}
    assert metadata.startswith("rollcall_sync-")
    entry_points = zipfile.ZipFile(built[".whl"]).read(f"{metadata}/entry_points.txt").decode()
    assert entry_points == "[console_scripts]\nrollcall = pipelines.__main__:main\n"


def test_the_sdist_brings_the_versions_it_was_tested_with(built: dict[str, Path]) -> None:
    with tarfile.open(built[".gz"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"uv.lock", "constraints.txt", "sql/raw.sql", "pipelines/cli/__init__.py", "LICENSE"} <= names
    assert {name.partition("/")[0] for name in names} & {"tests", "docs", ".venv", "benchmarks"} == set()


def test_an_sdist_builds_the_same_version(built: dict[str, Path], tmp_path: Path) -> None:
    shutil.unpack_archive(built[".gz"], tmp_path)  # tarfile's filter is missing before Python 3.11.4
    (unpacked,) = tmp_path.iterdir()
    assert hatchling(unpacked, "version") == unpacked.name.removeprefix("rollcall_sync-")


def test_the_version_of_a_tag_and_of_each_commit_after_it(tmp_path: Path) -> None:
    tree = tmp_path / "rollcall"
    versions = []
    for step in ("no tag", "tagged v0.2.0", "a commit later", "two commits later"):
        if step == "no tag":
            copy_sources(tree)
            git(tree, "init", "--quiet")
            git(tree, "add", ".")
            git(tree, "commit", "--quiet", "-m", step)
        elif step.startswith("tagged"):
            git(tree, "tag", "v0.2.0")
        else:
            git(tree, "commit", "--quiet", "--allow-empty", "-m", step)
        commit = git(tree, "rev-parse", "--short=9", "HEAD")
        versions.append(hatchling(tree, "version").replace(commit, "COMMIT"))
    assert versions == ["0.1.0.dev1+gCOMMIT", "0.2.0", "0.2.1.dev1+gCOMMIT", "0.2.1.dev2+gCOMMIT"]
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{tree}", str(shallow))
    assert hatchling(shallow, "version").endswith(f"+g{commit}")


@pytest.mark.parametrize("without", ["a repository", "the program git"])
def test_there_is_a_version_without_git(
    without: str, sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = sources
    if without == "the program git":
        tree = copy_sources(tmp_path / "rollcall")
        git(tree, "init", "--quiet")
        monkeypatch.setenv("PATH", str(tmp_path))
    assert hatchling(tree, "version") == "0.1.0.dev0"


def test_the_constraints_are_those_of_the_lock() -> None:
    """For pip, which does not read uv.lock. `make lock` writes both."""
    (export,) = re.findall(
        r"^\t\$\(UV\) (export .*) > constraints.txt$", (ROOT / "Makefile").read_text(), re.M
    )
    written = (ROOT / "constraints.txt").read_text()
    assert f"{run([uv(), *export.split(), '--frozen', '--offline'], ROOT)}\n" == written


def test_the_build_requirements_are_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = tomllib.loads((ROOT / "uv.lock").read_text())
    versions = {package["name"]: package.get("version") for package in locked["package"]}
    constraints = dict(one.split("==") for one in project["tool"]["uv"]["build-constraint-dependencies"])
    assert {name: versions[name] for name in constraints} == constraints
    required = {re.match(r"[\w-]+", one)[0] for one in project["build-system"]["requires"]}
    assert required <= constraints.keys()


@pytest.mark.parametrize(
    ("text", "is_caught"),
    [
        ("pip install rollcall", True),
        ("uv tool install 'rollcall'", True),
        ('uvx --from "rollcall==0.1.0" rollcall sync', True),
        ("uvx rollcall sync", True),
        ("pip install --upgrade rollcall", True),
        ("docker run --rm rollcall sync", True),
        ("image: rollcall:0.1.0", True),
        ("pip install rollcall-sync", False),
        ("pip install -c constraints.txt .", False),
        ("rollcall schedule cron --install", False),
        ("https://example.com/rollcall", False),
    ],
)
def test_a_command_that_installs_another_program_is_recognised(text: str, is_caught: bool) -> None:
    assert bool(INSTALLS_ANOTHER.search(text)) == is_caught


DOCUMENTS = (
    *("*.md", "*.toml", "*.yaml", "Makefile", "Dockerfile", ".github/**/*", ".ci/*", ".dlt/*"),
    *("docs/**/*.md", "examples/*", "notebooks/*", "benchmarks/*.py", "pipelines/**/*.py"),
)


def test_the_documented_commands_install_no_other_program() -> None:
    found = [path for pattern in DOCUMENTS for path in ROOT.glob(pattern) if path.is_file()]
    assert len(found) > 100
    caught = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in found
        for match in INSTALLS_ANOTHER.finditer(path.read_text(encoding="utf-8"))
    ]
    assert caught == []
