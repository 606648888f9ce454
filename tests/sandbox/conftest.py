"""Two sandboxes for all tests of a session, reset for each test: a filled one, and an empty one of 2021."""

import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import requests

from pipelines.sandbox import Sandbox

NOW = datetime(2021, 12, 11, 13, 13, 9, tzinfo=UTC)


@dataclass(frozen=True)
class HttpClient:
    """One provider as an authorised client sees it."""

    base_url: str
    session: requests.Session

    def request(self, method: str, path: str, **options) -> requests.Response:
        return self.session.request(method, self.base_url + path, timeout=10, **options)

    def get(self, path: str, **params) -> requests.Response:
        return self.request("GET", path, params=params)


Connect = Callable[..., HttpClient]


@pytest.fixture(scope="session")
def _filled() -> Iterator[Sandbox]:
    with Sandbox(seed=1, projects=250, files=300) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def _empty() -> Iterator[Sandbox]:
    with Sandbox(seed=1, projects=0, files=0, clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_filled: Sandbox) -> Sandbox:
    _filled.reset()
    return _filled


@pytest.fixture
def empty(_empty: Sandbox) -> Sandbox:
    _empty.reset()
    return _empty


@pytest.fixture
def connect() -> Iterator[Connect]:
    """`connect(sandbox, provider)`: a client with the credentials of the sandbox's configuration texts."""
    with ExitStack() as sessions:

        def connect_one(sandbox: Sandbox, provider: str) -> HttpClient:
            session = sessions.enter_context(requests.Session())
            config = _settings(sandbox)[provider]
            match provider:
                case "fone_dynamics":
                    session.auth = (config["account_sid"], config["token"])
                case "matter" | "rillsoft":
                    session.headers["Authorization"] = f"Bearer {config['access_token']}"
                case "belltastic":
                    session.headers["Authorization"] = f"Bearer {config['api_token']}"
                case "evovoice":
                    _log_in(session, config).raise_for_status()
            return HttpClient(config["base_url"], session)

        yield connect_one


@pytest.fixture
def anonymous() -> Iterator[Connect]:
    """`anonymous(sandbox, provider)`: a client without credentials."""
    with ExitStack() as sessions:

        def connect_one(sandbox: Sandbox, provider: str) -> HttpClient:
            session = sessions.enter_context(requests.Session())
            return HttpClient(_settings(sandbox)[provider]["base_url"], session)

        yield connect_one


def _settings(sandbox: Sandbox) -> dict[str, dict]:
    """The keys of both configuration texts by provider."""
    config = tomllib.loads(sandbox.config_toml())["sources"]
    secrets = tomllib.loads(sandbox.secrets_toml())["sources"]
    return {provider: config[provider] | secrets[provider] for provider in config}


def _log_in(session: requests.Session, config: dict, **changed) -> requests.Response:
    """EvoVoice's login, with `changed` fields of its body."""
    body = {
        "provider": "credentials",
        "userName": config["user_name"],
        "password": config["password"],
        "rememberMe": True,
    }
    return session.post(f"{config['base_url']}/auth/credentials", json=body | changed, timeout=10)


@pytest.fixture
def types_by_field() -> Callable[[list[dict]], dict[str, set[type]]]:
    """The types that each field has over all records; absent counts as `Ellipsis`' type."""

    def collect(records: list[dict]) -> dict[str, set[type]]:
        fields = {field for record in records for field in record}
        return {field: {type(record.get(field, ...)) for record in records} for field in fields}

    return collect


@pytest.fixture
def settings() -> Callable[[Sandbox], dict[str, dict]]:
    return _settings


@pytest.fixture
def post_login() -> Callable[..., requests.Response]:
    return _log_in
