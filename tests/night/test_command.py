"""`rollcall sync` at the command line: what it prints, and how it ends."""

import json
import re

import pytest
from click.testing import CliRunner, Result

from pipelines import progress
from pipelines.cli import main
from pipelines.sandbox import Fault, Sandbox
from tests.night.conftest import Home


def run(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.path), *arguments])


def lines(text: str) -> list[str]:
    return [re.sub(r" +", " ", re.sub(r"\d+\.\d", "0.0", line)).strip() for line in text.splitlines()]


def test_a_proven_night(home: Home) -> None:
    result = run(home, "sync", "belltastic")
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines(result.stdout) == [
        "listing listed new changed removed unchanged held back quarantined seconds outcome",
        "belltastic 30 30 0 0 0 0 0 0.0 proven",
        "",
        f"Published {home.warehouse}. Next: rollcall changes, rollcall status, rollcall export",
    ]


def test_the_last_lines_say_what_to_do(home: Home, sandbox: Sandbox) -> None:
    run(home, "sync", "belltastic", "matter")
    for record in sandbox.store("belltastic").records(0, 20):
        sandbox.store("belltastic").remove(record["id"])
    sandbox.faults.add(Fault("matter", times=None, status=500))
    result = run(home, "sync", "belltastic", "matter")
    assert (result.exit_code, result.stderr) == (3, "")
    assert lines(result.stdout)[4:] == [
        "belltastic is held back: 20 of 30 known records are missing. Nothing was removed.",
        "matter failed: page 1: projects/get answered 500. Its rows stay as they were.",
        "If these 20 are gone: rollcall sync belltastic --accept-removals belltastic=20",
        "Once that is mended: rollcall sync matter",
        f"Published {home.warehouse}. Next: rollcall changes, rollcall status, rollcall export",
    ]
    accepted = run(home, "sync", "belltastic", "--accept-removals", "belltastic=20", "--json")
    night = json.loads(accepted.stdout)
    assert (night["exit_code"], night["listings"][0]["removed"], night["listings"][0]["outcome"]) == (
        0,
        20,
        "proven",
    )


def test_a_log_shows_progress_and_quiet_does_not(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    assert run(home, "sync", "belltastic").stderr == "belltastic: 30 records in 1 pages so far\n"
    quiet = run(home, "sync", "belltastic", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            'base_url = "nonsense"',
            "base_url of matter is 'nonsense'. Give a whole URL such as https://example.com/api",
        ),
        (
            'base_url = "https://"',
            "base_url of matter is 'https://'. Give a whole URL such as https://example.com/api",
        ),
        (
            'base_url = "http://example.com/connect/v2"',
            "base_url of matter is 'http://example.com/connect/v2'. "
            "Use https; plain http is allowed to this machine only",
        ),
        (
            'base_url = "https://me:secret@example.com"',
            "base_url of matter has more than a host and a path. Leave out credentials, query and fragment",
        ),
        (
            "",
            'matter has no base_url. Set base_url = "…" under [sources.matter] in .dlt/config.toml, '
            "or the variable SOURCES__MATTER__BASE_URL",
        ),
        (
            'base_url = "https://example.com"',
            'matter has no access_token. Set access_token = "…" under [sources.matter] in .dlt/secrets.toml, '
            "or the variable SOURCES__MATTER__ACCESS_TOKEN",
        ),
        (
            'base_url = "https://example.com"\npage_size = 101',
            "page_size of matter is 101. Set it to a number from 1 to 100",
        ),
        ("pagesize = 50", "[sources.matter] has an unknown key pagesize. Did you mean page_size?"),
    ],
)
def test_a_wrong_setting_is_one_line(empty_home: Home, setting: str, message: str) -> None:
    secrets = "" if "no access_token" in message else '[sources.matter]\naccess_token = "x"\n'
    empty_home.configure(f"[sources.matter]\n{setting}\n", secrets)
    result = run(empty_home, "sync")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"rollcall: {message}\n")


def test_an_unknown_connection_is_one_line(home: Home) -> None:
    result = run(home, "sync", "beltastic")
    assert (result.exit_code, result.stderr) == (
        2,
        "rollcall: there is no connection beltastic. Did you mean belltastic?\n",
    )
