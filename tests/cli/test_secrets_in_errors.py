"""Promise 21 for what no provider needs: the secrets of notices, of a lakehouse and of destinations."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.extract.connections import secrets_of
from tests.support.home import Home

CONFIG = """
[destination.bi]
bucket_url = "s3://example-bucket/projects"
"""
SECRETS = """
[notify]
webhook = "https://hooks.example.com/services/T0/B0/n0tify-webh00k-t0ken"
ping_url = "https://ping.example.com/3f1c-ping-uuid-0b7e"
smtp_password = "smtp-passw0rd"

[warehouse]
catalog_password = "catal0g-passw0rd"
s3_secret = "s3-secret-access-key"

[destination.bi]
credentials = "postgresql://rollcall:dest%40passw0rd@db.example.com:5432/analytics"

[destination.other]
credentials = "host=db.example.com user=rollcall password='k3yword passw0rd' sslmode=require"

[destination.lake.credentials]
aws_access_key_id = "AKIAEXAMPLEKEYID"
aws_secret_access_key = "aws-secret-access-key"
region_name = "eu-central-1"
"""
# A library may quote the path of a URL without its host, and a driver decodes a password.
QUOTED = (
    "n0tify-webh00k-t0ken",
    "/3f1c-ping-uuid-0b7e/fail",
    "smtp-passw0rd",
    "catal0g-passw0rd",
    "s3-secret-access-key",
    "dest%40passw0rd",
    "dest@passw0rd",
    "k3yword passw0rd",
    "AKIAEXAMPLEKEYID",
    "aws-secret-access-key",
    "v4riable-passw0rd",
    "user_not-a-secret",
)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with secrets of every kind."""
    Home(tmp_path).connect("belltastic", api_token="user_not-a-secret")
    for name, text in (("config.toml", CONFIG), ("secrets.toml", SECRETS)):
        file = tmp_path / ".dlt" / name
        file.write_text(file.read_text() + text)
    monkeypatch.setenv("DESTINATION__CLOUD__CREDENTIALS__PASSWORD", "v4riable-passw0rd")
    return tmp_path


@pytest.mark.parametrize("quoted", QUOTED)
def test_an_internal_error_and_the_log_show_no_secret(
    configured: Path, monkeypatch: pytest.MonkeyPatch, quoted: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError(f"odd: {quoted}")

    monkeypatch.setattr("pipelines.cli.sync_session.sync", fail)
    monkeypatch.setattr("pipelines.monitoring.notifications.channels_of", lambda _settings: {})
    failed = CliRunner().invoke(main, ["--home", str(configured), "sync"])
    log = "".join(path.read_text() for path in configured.glob("logs/*.log"))
    assert (failed.exit_code, "internal error (ValueError: " in failed.stderr) == (1, True)
    secret = quoted.removeprefix("/").removesuffix("/fail")
    assert (secret in failed.stderr, secret in log) == (False, False)
    assert "***" in log


def test_a_mistake_in_one_table_hides_the_secrets_of_the_others(configured: Path) -> None:
    file = configured / ".dlt" / "config.toml"
    file.write_text(f'[sources.matter]\nbase_url = "nonsense"\n{file.read_text()}')
    secrets = configured / ".dlt" / "secrets.toml"
    secrets.write_text(f'[sources.matter]\naccess_token = "matter-t0ken-1"\n{secrets.read_text()}')
    shown = secrets_of(configured).redact("matter-t0ken-1, user_not-a-secret, smtp-passw0rd")
    assert shown == "***, ***, ***"


def test_a_url_that_names_no_secret_is_shown(configured: Path) -> None:
    text = "see https://hooks.example.com/services and s3://example-bucket/projects in eu-central-1"
    assert secrets_of(configured).redact(text) == text
