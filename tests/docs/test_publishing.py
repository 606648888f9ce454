"""The page on publishing: its configuration and commands are run, on PostgreSQL and on an S3 server."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.config.tables import DESTINATION
from pipelines.destinations.kinds import KINDS
from tests.docs.pages import commands, page, shown, unpadded
from tests.publish.places import Delta, Postgres
from tests.support.s3 import S3

PAGE = page("publishing.md")


def blocks(file: str) -> str:
    """The parts of a file that the page shows, joined."""
    return "\n".join(re.findall(rf"`{re.escape(file)}`:\n\n```toml\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def home(published: Path, postgres_url: str, bucket: S3, tmp_path: Path) -> Path:
    """A home configured as on the page, with the destinations that the tests have."""
    shutil.copyfile(published / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    given = {
        "postgresql://rollcall:PASSWORD@db.example.com:5432/analytics": postgres_url,
        "KEY": bucket.credentials["aws_access_key_id"],
        "SECRET": bucket.credentials["aws_secret_access_key"],
        "https://s3.example.com": bucket.endpoint,
        "eu-central-1": bucket.credentials["region_name"],
    }
    secrets = blocks(".dlt/secrets.toml")
    for example, real in given.items():
        assert f'"{example}"' in secrets
        secrets = secrets.replace(f'"{example}"', f'"{real}"')
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(blocks(".dlt/config.toml"))
    (tmp_path / ".dlt" / "secrets.toml").write_text(secrets)
    (tmp_path / ".dlt" / "secrets.toml").chmod(0o600)
    return tmp_path


def test_the_commands_of_the_page_on_publishing_run(home: Path, postgres_url: str, bucket: S3) -> None:
    printed = {}
    for command in commands(PAGE):
        program, *arguments = shlex.split(command)
        assert program == "rollcall"
        result = CliRunner().invoke(main, ["--home", str(home), *arguments])
        assert result.exit_code == 0, (command, result.stderr)
        printed[tuple(arguments)] = result.stdout
    assert len(printed) == 3
    ((arguments, text),) = shown(PAGE)
    assert unpadded(printed[tuple(arguments)]) == unpadded(text)
    (query,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    (row,) = Postgres(postgres_url, "rollcall").query(query)
    assert row["max"].isoformat() == "2026-11-03T02:00:00+00:00"
    assert len(Delta("s3://warehouses/projects", bucket).read("projects")) == 6


def test_the_page_names_every_key_and_every_kind() -> None:
    named = re.findall(r"^\| `(\w+)`(?: \(.*?\))? \| ", PAGE.partition("| key of")[2], re.MULTILINE)
    assert named[: len(DESTINATION)] == [setting.name for setting in DESTINATION]
    (table,) = re.findall(r"^\| `destination` \| tested.*?\n\n", PAGE, re.MULTILINE | re.DOTALL)
    cells = [line.split(" | ")[0] for line in table.splitlines()[2:] if line]
    kinds = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert set(kinds) - {"delta", "iceberg"} == set(KINDS)
