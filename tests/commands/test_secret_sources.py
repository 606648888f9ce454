"""A secret from a file or a command works like a configured one, and no message shows it."""

from pathlib import Path

import pytest

from pipelines.common.errors import ConfigurationError
from pipelines.config import secret_sources
from pipelines.config.dlt_runtime import use_home
from pipelines.config.resolve import resolve
from pipelines.config.settings import given_secret
from pipelines.config.tables import Setting
from pipelines.extract.connections import load_connections
from pipelines.monitoring.notifications import read_notify

SECRET = "swordfish-1234"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".dlt").mkdir()
    return tmp_path


def configure(home: Path, *lines: str, table: str = "sources.belltastic") -> None:
    (home / ".dlt" / "config.toml").write_text("\n".join([f"[{table}]", *lines, ""]))


def token(home: Path) -> str:
    (connection,) = load_connections(home)
    assert connection.redact(f"with {SECRET}") == "with ***"  # in every way to configure it
    return connection.settings.text("api_token")


def refused(home: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_connections(home)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_a_file_has_the_secret_in_its_first_line(home: Path) -> None:
    file = home / "token"
    file.write_text(f"{SECRET}\r\nanother line\n")
    file.chmod(0o600)
    configure(home, 'api_token_file = "token"')
    assert token(home) == SECRET
    file.chmod(0o644)
    assert refused(home) == f"{file} can be read by others: run: chmod 600 {file}"
    file.chmod(0o600)
    file.write_text("\n")
    assert refused(home) == (
        "the file of api_token_file of belltastic is empty: its first line should be the secret"
    )
    file.write_bytes(b"\xff\n")
    assert "the file of api_token_file of belltastic is not UTF-8" in refused(home)
    file.unlink()
    assert refused(home).startswith(f"api_token_file of belltastic is {file}, which cannot be read (No such")


def test_a_mounted_file_may_have_the_mode_that_its_platform_gives_it(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path_factory.mktemp("run-secrets") / "token"
    mounted.write_text(SECRET)
    mounted.chmod(0o444)
    configure(home)
    monkeypatch.setenv("SOURCES__BELLTASTIC__API_TOKEN_FILE", str(mounted))
    assert token(home) == SECRET


def test_a_command_prints_the_secret_and_runs_once(home: Path) -> None:
    script = home / "pass.sh"
    script.write_text(f"echo called >> calls\necho {SECRET}\necho more\n")
    configure(home, 'api_token_command = ["/bin/sh", "pass.sh"]')
    assert [token(home), token(home)] == 2 * [SECRET]
    assert (home / "calls").read_text() == "called\n"


@pytest.mark.parametrize("quoted", [f"'/bin/echo {SECRET}'", f"'''/bin/echo \"{SECRET}\" '''"])
def test_a_command_in_a_string_is_split_like_in_a_shell_but_runs_without_one(home: Path, quoted: str) -> None:
    configure(home, f"api_token_command = {quoted}")
    assert token(home) == SECRET
    configure(home, "api_token_command = '/bin/echo $(id)'")
    (connection,) = load_connections(home)
    assert connection.settings.text("api_token") == "$(id)"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            f"/bin/sh -c 'echo {SECRET} >&2; echo {SECRET}; exit 7'",
            "ended with exit status 7: run it by hand",
        ),
        ("/no/such/program", "cannot be run (No such file or directory): correct it"),
        ("/bin/true", "is empty: its first line should be the secret"),
        ("/bin/echo 'unclosed", 'is not a command: write it as ["program", "argument"]'),
    ],
)
def test_a_command_that_fails_is_named_without_its_output(home: Path, command: str, message: str) -> None:
    configure(home, f'api_token_command = """{command}"""')
    assert "api_token_command of belltastic" in refused(home)
    assert message in refused(home)


def test_a_command_has_a_time_limit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_sources, "LONGEST_COMMAND_S", 0.05)
    configure(home, 'api_token_command = ["/bin/sleep", "60"]')
    assert "api_token_command of belltastic did not end within 0.05 s" in refused(home)


def test_the_variable_of_a_key_overrides_its_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(home, 'api_token_command = ["/bin/false"]')
    monkeypatch.setenv("SOURCES__BELLTASTIC__API_TOKEN", SECRET)
    assert token(home) == SECRET


def test_a_secret_with_two_sources_is_refused(home: Path) -> None:
    configure(home, 'api_token_file = "a"', 'api_token_command = "b"')
    assert refused(home) == "belltastic has api_token_file and api_token_command: leave one of them"
    configure(home, 'api_tokens_file = "a"')
    assert refused(home) == (
        "[sources.belltastic] has an unknown key api_tokens_file: did you mean api_token_file?"
    )


def test_notices_take_them_too(home: Path) -> None:
    configure(home, "ping_url_command = 'echo https://hc.example.com/uuid'", table="notify")
    settings = read_notify(home)
    assert settings is not None
    assert settings.text("ping_url") == "https://hc.example.com/uuid"


@pytest.mark.parametrize(
    ("config", "secrets", "message"),
    [
        (
            "",
            "s3_secret = 12345678901",
            "s3_secret of [warehouse] in HOME/.dlt/secrets.toml should be a string, not the value given",
        ),
        ('s3_secret_command = "echo \'unclosed"', "", "s3_secret_command of warehouse is not a command"),
        ('s3_secret_file = "a"', f's3_secret = "{SECRET}"', "warehouse has s3_secret and s3_secret_file"),
    ],
)
def test_the_warehouse_takes_them_by_the_same_rules(
    home: Path, config: str, secrets: str, message: str
) -> None:
    configure(home, config, table="warehouse")
    (home / ".dlt" / "secrets.toml").write_text(f"[warehouse]\n{secrets}\n")
    with pytest.raises(ConfigurationError) as caught:
        given_secret(home, "warehouse", "s3_secret")
    assert caught.value.reason.replace(str(home), "HOME") == message
    assert not any(secret in str(caught.value) for secret in (SECRET, "12345678901"))


def test_a_number_that_has_no_range_is_still_a_number(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__OWN__RATIO", "nan")
    use_home(home)
    with pytest.raises(ConfigurationError, match=r"ratio of own is nan: set it to a number$"):
        resolve("sources.own", Setting("ratio", "number"))
