"""A mistake in the settings is one line that says how to fix it, and changes nothing."""

import os
from pathlib import Path
from typing import Any

import pytest

from pipelines.common.errors import ConfigurationError, UsageError
from pipelines.extract.connections import load_connections
from pipelines.warehouse.publish import publish
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback

from .conftest import Load

BELLTASTIC = "[sources.belltastic]\n"
TOKEN = '[sources.belltastic]\napi_token = "user_1"\n'
PROVIDERS = "belltastic, evovoice, fone_dynamics, matter, rillsoft"
WHOLE_URL = "give a complete URL such as https://example.com/api"


def to_set(key: str, form: str = "…", connection: str = "belltastic", file: str = "config") -> str:
    variable = f"SOURCES__{connection.upper()}__{key.upper()}"
    return f"set {key} = {form} under [sources.{connection}] in .dlt/{file}.toml, or the variable {variable}"


@pytest.mark.parametrize(
    ("line", "reason", "remedy"),
    [
        ("base_url = 'example.com/api'", "base_url of belltastic is 'example.com/api'", WHOLE_URL),
        ("base_url = 'https://'", "base_url of belltastic is 'https://'", WHOLE_URL),
        ("base_url = 'https://host:port'", "base_url of belltastic is 'https://host:port'", WHOLE_URL),
        ("base_url = 'ftp://example.com'", "base_url of belltastic is 'ftp://example.com'", WHOLE_URL),
        ("base_url = 'https://host/a b'", "base_url of belltastic is 'https://host/a b'", WHOLE_URL),
        (
            "base_url = 'https://user:swordfish@example.com'",
            "base_url of belltastic has more than a host and a path",
            "leave out credentials, query and fragment",
        ),
        (
            "base_url = 'http://localhost.example.com'",
            "base_url of belltastic is 'http://localhost.example.com'",
            "use https; plain http is allowed only to this machine",
        ),
        (
            "base_url = true",
            "base_url of belltastic should be a string on one line, not True",
            to_set("base_url", '"…"'),
        ),
        (
            "max_connections = 'many'",
            "max_connections of belltastic should be an integer, not 'many'",
            to_set("max_connections"),
        ),
        (
            "max_connections = 1.5",
            "max_connections of belltastic should be an integer, not 1.5",
            to_set("max_connections"),
        ),
        (
            "timeout_s = 'soon'",
            "timeout_s of belltastic should be a number, not 'soon'",
            to_set("timeout_s"),
        ),
        ("timeout_s = nan", "timeout_s of belltastic is nan", "set it to a number from 0.1 to 3600"),
        ("max_retries = -1", "max_retries of belltastic is -1", "set it to a number from 0 to 20"),
        ("max_body_mb = 0", "max_body_mb of belltastic is 0", "set it to a number from 1"),
        (
            "drop_fields = 7",
            "drop_fields of belltastic should be a list, not 7",
            to_set("drop_fields", '["…"]'),
        ),
        (
            "maxconnections = 3",
            "[sources.belltastic] has an unknown key maxconnections",
            "did you mean max_connections?",
        ),
        ("url = 'x'", "[sources.belltastic] has an unknown key url", "did you mean base_url?"),
        (
            "page_size = 5",
            "[sources.belltastic] has an unknown key page_size",
            "choose from api_token, base_url, ca_file, drop_fields, max_body_mb, max_connections, "
            "max_retries, provider, proxy, removal_limit, retry_wait_s, timeout_s",
        ),
        (
            "provider = 'bell'",
            "[sources.belltastic] in .dlt/config.toml and .dlt/secrets.toml has an unknown provider: bell",
            f'set provider = "…" under [sources.belltastic] in .dlt/config.toml, to one of {PROVIDERS}',
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(line: str, reason: str, remedy: str, load: Load) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(BELLTASTIC + line, TOKEN)
    assert (refusal.value.reason, refusal.value.remedy) == (reason, remedy)


@pytest.mark.parametrize(
    ("config", "reason", "remedy"),
    [
        (
            "",
            "no connection is configured",
            f"add a table such as [sources.belltastic] to .dlt/config.toml; the providers are {PROVIDERS}",
        ),
        (BELLTASTIC, "belltastic has no api_token", to_set("api_token", '"…"', file="secrets")),
        ("[sources.matter]", "matter has no base_url", to_set("base_url", '"…"', "matter")),
        (
            "[sources.rillsoft]\nbase_url = 'https://example.com'\nclient_ids = []",
            "rillsoft has no client_ids",
            to_set("client_ids", '["…"]', "rillsoft"),
        ),
        (
            "[sources.'Bell tower']",
            "[sources.Bell tower] is not a valid name for a connection",
            "use lower-case letters and digits, separated by - or _",
        ),
    ],
)
def test_a_missing_setting_is_named_with_its_remedy(
    config: str, reason: str, remedy: str, load: Load
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(config)
    assert (refusal.value.reason, refusal.value.remedy) == (reason, remedy)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("north", ""), ("beltastic", "if it is [sources.belltastic], rename it; else ")],
)
def test_a_connection_only_in_the_secrets_file_gets_a_remedy(name: str, meant: str, load: Load) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load("", f'[sources.{name}]\napi_token = "user_1"\n')
    assert refusal.value.reason == f"[sources.{name}] in .dlt/secrets.toml has an unknown provider: {name}"
    assert refusal.value.remedy == (
        f'{meant}set provider = "…" under [sources.{name}] in .dlt/config.toml, to one of {PROVIDERS}'
    )


def test_a_misspelled_variable_of_a_connection_is_refused(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ANOTHER_PROGRAM__API_TOKEN", "x")
    monkeypatch.setenv("SOURCES__BELTASTIC__API_TOKEN", "x")
    with pytest.raises(ConfigurationError) as refusal:
        load(BELLTASTIC)
    assert str(refusal.value) == (
        "the variable SOURCES__BELTASTIC__API_TOKEN has no effect: "
        "did you mean SOURCES__BELLTASTIC__API_TOKEN?"
    )


def test_an_unknown_table_stops_a_run(load: Load) -> None:
    with pytest.raises(
        ConfigurationError, match=r"config\.toml has an unknown table \[notfy\]: did you mean"
    ):
        load(BELLTASTIC + "[notfy]\nemail_to = ['a@example.com']", TOKEN)


def test_a_page_has_no_more_than_the_vendor_allows(load: Load) -> None:
    matter = "[sources.matter]\nbase_url = 'https://example.com'\npage_size = 101"
    with pytest.raises(ConfigurationError) as refusal:
        load(matter, "[sources.matter]\naccess_token = 'swordfish'")
    assert str(refusal.value) == "page_size of matter is 101: set it to a number from 1 to 100"


@pytest.mark.parametrize(
    ("name", "remedy"), [("belltastik", "did you mean belltastic?"), ("x", "choose from belltastic")]
)
def test_a_connection_that_is_not_configured_cannot_be_synced(name: str, remedy: str, load: Load) -> None:
    with pytest.raises(UsageError) as refusal:
        load(BELLTASTIC, TOKEN, (name,))
    assert (refusal.value.reason, refusal.value.remedy) == (f"there is no connection {name}", remedy)


def test_a_secret_of_two_lines_is_refused_and_not_quoted(load: Load) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(BELLTASTIC, '[sources.belltastic]\napi_token = "swordfish\\n"')
    assert refusal.value.reason == (
        "api_token of belltastic should be a string on one line, not the value given"
    )


def test_promise_23_secrets_that_others_can_read_are_refused(load: Load, tmp_path: Path) -> None:
    load(BELLTASTIC, TOKEN)
    secrets = tmp_path / ".dlt" / "secrets.toml"
    secrets.chmod(0o640)
    with pytest.raises(ConfigurationError) as refusal:
        load_connections(tmp_path)
    assert str(refusal.value) == f"{secrets} can be read by others: run: chmod 600 {secrets}"


@pytest.mark.parametrize("is_root", [True, False])
def test_promise_23_secrets_of_another_user_are_refused(
    is_root: bool, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(BELLTASTIC, TOKEN)
    secrets = tmp_path / ".dlt" / "secrets.toml"
    owner = secrets.stat().st_uid
    me = 0 if is_root and owner else owner + 1000
    monkeypatch.setattr(os, "geteuid", lambda: me)
    if owner == 0:  # root can write every file, so a file that root owns is accepted
        assert load_connections(tmp_path)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        os.chown(secrets, 4242, -1)
        me = 0
    with pytest.raises(ConfigurationError) as refusal:
        load_connections(tmp_path)
    command = f"run: sudo chown {me}:{os.getegid()} {secrets}" if me else "run this as user 4242"
    assert str(refusal.value) == f"{secrets} belongs to another user: {command}"


UNSENDABLE = {
    "dash": ("belltastic", {"api_token": "user_12\u201334"}, "api_token"),
    "letter": ("matter", {"access_token": "\u0416", "base_url": "https://x/connect/v2"}, "access_token"),
    "space": ("belltastic", {"api_token": "user_1 "}, "api_token"),
    "account": ("fone_dynamics", {"account_sid": "AC\u2013", "token": "swordfish"}, "account_sid"),
    "both": ("fone_dynamics", {"account_sid": "\u2013", "token": "\u2013"}, "account_sid and token"),
}


@pytest.mark.parametrize(("provider", "given", "keys"), UNSENDABLE.values(), ids=UNSENDABLE)
def test_a_credential_that_cannot_be_sent_is_refused_by_its_key(
    home: Home, provider: str, given: dict[str, str], keys: str
) -> None:
    home.connect(provider, **given)
    with pytest.raises(ConfigurationError) as refusal:
        load_connections(home.path)
    assert refusal.value.reason == f"{keys} of {provider} has a character that cannot be sent in a header"
    assert not any(value in str(refusal.value) for value in given.values())


def test_a_password_that_is_sent_as_json_may_hold_every_character(home: Home) -> None:
    home.connect("evovoice", user_name="r\u00e9ader", password=" p\u2013w\u0416 ")
    (connection,) = load_connections(home.path)
    assert connection.secrets == (" p\u2013w\u0416 ",)


@pytest.mark.parametrize(
    ("config", "secrets", "file"),
    [("[sources", TOKEN, "config.toml"), (BELLTASTIC, "[sources", "secrets.toml")],
)
def test_a_file_that_is_not_toml_is_named(
    config: str, secrets: str, file: str, load: Load, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(config, secrets)
    assert str(tmp_path / ".dlt" / file) in refusal.value.reason
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "import toys",
            "cannot be imported (ModuleNotFoundError: No module named 'toys'): correct it",
        ),
        ("PROVIDER = 'toys'", "does not define a provider: give it a PROVIDER = Provider(...)"),
    ],
)
def test_a_module_without_a_provider_is_named(text: str, reason: str, load: Load, tmp_path: Path) -> None:
    module = tmp_path / "providers" / "toy.py"
    module.parent.mkdir()
    module.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load(BELLTASTIC, TOKEN)
    assert str(refusal.value) == f"{module} {reason}"


def test_settings_are_a_mapping(load: Load) -> None:
    (connection,) = load(BELLTASTIC, TOKEN)
    assert len(connection.settings) == len(set(connection.settings))
    assert {**connection.settings}["api_token"] == connection.settings.text("api_token")


def test_dropped_fields_reach_no_file(
    home: Home, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = "Meet me at midnight"
    files = [
        {"id": "camel", "accountId": "a", "transcription": spoken, "aiTranscription": spoken},
        {"Id": "Pascal", "AccountId": "a", "Transcription": spoken, "AITranscription": spoken},
        {"transcription": spoken},
        [{"transcription": spoken}],
    ]
    answer = Answer({"items": files, "totalCount": 4, "totalPages": 1})
    account = {"base_url": loopback.serve("voices", answer), "user_name": "reader", "password": "swordfish"}
    for name in ("evovoice", "evovoice_second"):
        home.connect(name, "evovoice", **account, drop_fields=["transcription", "aiTranscription"])
    found: list[Path] = []

    def search_and_publish(draft: Path, *place: Any) -> tuple[str, ...]:
        written = [path for path in home.path.rglob("*") if path.is_file()]
        found.extend(path for path in written if spoken.encode() in path.read_bytes())
        return publish(draft, *place)

    monkeypatch.setattr("pipelines.warehouse.file_store.publish", search_and_publish)
    home.run()
    assert found == []
    assert home.rows("select file_key, transcription, ai_transcription from files order by 1") == [
        {"file_key": f"{connection}:{file_id}", "transcription": None, "ai_transcription": None}
        for connection in ("evovoice", "evovoice_second")
        for file_id in ("Pascal", "camel")
    ]
    assert home.rows("select distinct reason, payload from quarantine order by all") == [
        {"reason": "it is not an object, so no fields can be dropped from it", "payload": ""},
        {"reason": "its id, id, is missing", "payload": "{}"},
    ]


def test_certificates_that_cannot_be_read_are_named(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(f"{BELLTASTIC}ca_file = 'ca.pem'", TOKEN)
    remedy = "name a file of certificates in PEM form"
    reason = "ca_file of belltastic is ca.pem, which cannot be read"
    assert str(refusal.value) == f"{reason} (No such file or directory): {remedy}"
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    with pytest.raises(ConfigurationError) as refusal:
        load_connections(tmp_path)
    assert (refusal.value.reason.startswith(f"{reason} ("), refusal.value.remedy) == (True, remedy)


def test_a_pipe_is_refused_as_a_file_of_certificates(load: Load, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    with pytest.raises(ConfigurationError, match=r"which cannot be read \(not a regular file\)"):
        load(f"{BELLTASTIC}ca_file = 'ca.pem'", TOKEN)


def test_a_mistake_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Home(tmp_path / "home").run()
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_in_a_later_run_leaves_the_published_one_unchanged(
    tmp_path: Path, loopback: Loopback
) -> None:
    home = Home(tmp_path)
    home.connect("belltastic", base_url=loopback.serve("bells", Answer([])), api_token="user_1")
    home.run()
    before = home.warehouse.read_bytes()
    with pytest.raises(UsageError):
        home.run("nobody")
    assert home.warehouse.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / ".rollcall").iterdir()) == [
        "published",
        "warehouse.duckdb.fingerprint",
        "warehouse.duckdb.lock",
    ]
