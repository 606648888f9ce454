"""A lakehouse with its data on S3: over TLS, with the certificates that the user names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.sandbox import Sandbox
from tests.lake.home import LakeHome, differences
from tests.support.home import Home
from tests.support.s3 import KEY_ID, S3, SECRET, serving


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=6, projects=9, files=9) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with serving("lakes", tmp_path_factory.mktemp("certificates")) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, storage: S3, monkeypatch: pytest.MonkeyPatch) -> LakeHome:
    """A home whose catalog is in a file. It trusts the server's certificate."""
    for key, value in (("region", "us-east-1"), ("endpoint", storage.endpoint), ("ca_file", storage.ca_file)):
        monkeypatch.setenv(f"WAREHOUSE__S3_{key.upper()}", value)
    (tmp_path / "lake").mkdir()
    data = f"s3://{storage.bucket}/{tmp_path.name}"
    return LakeHome(
        tmp_path / "lake", str(tmp_path / "catalog.ducklake"), data, s3_key_id=KEY_ID, s3_secret=SECRET
    )


def rollcall(home: LakeHome, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["--home", str(home.path), *arguments])
    assert result.exit_code == code, result.output
    return result.stderr if code else result.stdout


@pytest.mark.parametrize("is_divided", [False, True])
def test_runs_are_kept_on_s3_over_tls(
    sandbox: Sandbox, home: LakeHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_divided: bool
) -> None:
    from tests.compute.test_units import in_this_process

    if is_divided:
        monkeypatch.setattr("pipelines.commands.sync_on_workers.workers_for", in_this_process)
        home.divide(engine="ray", unit_records=5)
    (tmp_path / "file").mkdir()
    file = Home(tmp_path / "file")
    for one in (file, home):
        one.connect_all(sandbox)
        one.run("matter", "belltastic")
        one.run("matter", "belltastic")
    found = differences(file.warehouse, home.path)
    assert found == dict.fromkeys(found, 0)
    rollcall(home, "forget", "belltastic:3", "--yes")
    rollcall(home, "maintain")
    keys = [row["project_key"] for row in json.loads(rollcall(home, "query", "from projects", "--json"))]
    assert (len(keys), "belltastic:3" in keys) == (17, False)


def test_a_certificate_that_is_not_trusted_ends_a_run(
    sandbox: Sandbox, home: LakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAREHOUSE__S3_CA_FILE")
    home.connect_all(sandbox)
    message = rollcall(home, "sync", "belltastic", code=2)
    assert "does not answer (" in message
    assert "SSL peer certificate" in message


def test_a_file_of_certificates_that_cannot_be_read_is_named(
    home: LakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE__S3_CA_FILE", "missing.pem")
    assert rollcall(home, "status", code=2) == (
        "rollcall: s3_ca_file of [warehouse] is missing.pem, which cannot be read (No such file or "
        "directory). Name a file of certificates in PEM form\n"
    )
