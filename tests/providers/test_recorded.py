"""The vendors' own sample answers with the rows that they must give; their errors with our messages.

`recorded/PROVIDER/` holds the answer to a listing in `answer.json`, the rows that are then published in
`expected.json`, and in `errors.json` the error answers, each with the message of the listing. All values in
EvoVoice's sample are placeholders; here, its counts are those of its one file.
"""

import json
from pathlib import Path

import pytest

from pipelines.commands.sync import Run
from pipelines.extract.provider import find_providers
from tests.support.home import Home
from tests.support.loopback import Answer, Loopback, Script

RECORDED = Path(__file__).with_name("recorded")
PROVIDERS = sorted(folder.name for folder in RECORDED.iterdir())


def recorded(provider: str, file: str) -> dict:
    return json.loads((RECORDED / provider / file).read_text())


ERRORS = [(provider, name) for provider in PROVIDERS for name in recorded(provider, "errors.json")]


def signed_in(answer: Answer) -> Script:
    """`answer`, after a login where there is one."""
    return lambda asked: answer if asked.method == "GET" else Answer({})


def connect(home: Home, name: str, provider: str, base_url: str) -> None:
    """A connection of any provider, with something for each key that it needs."""
    wanted = [setting for setting in find_providers(home.path)[provider].settings if setting.required]
    given = {key.name: ["7"] if key.type == "list" else f"some-{key.name}" for key in wanted}
    home.connect(name, provider, **given | {"base_url": base_url})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def run(home: Home, loopback: Loopback) -> Run:
    """One run over every recorded answer, each of a connection of its own."""
    for provider in PROVIDERS:
        answer = Answer((RECORDED / provider / "answer.json").read_bytes())
        connect(home, provider, provider, loopback.serve(provider, signed_in(answer)))
        for name, error in recorded(provider, "errors.json").items():
            script = signed_in(Answer(error["body"], error["status"]))
            connect(home, f"{provider}_{name}", provider, loopback.serve(f"{provider}_{name}", script))
    return home.run()


def test_each_provider_is_recorded() -> None:
    assert sorted(find_providers(Path())) == PROVIDERS


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_gives_these_rows(provider: str, home: Home) -> None:
    published = {
        table: home.rows(f"from {table} where connection = $1 order by all", provider)
        for table in ("projects", "files")
    }
    assert published == recorded(provider, "expected.json")


@pytest.mark.parametrize(("provider", "name"), ERRORS)
def test_an_error_fails_the_listing_with_its_code_and_text(provider: str, name: str, run: Run) -> None:
    connection = f"{provider}_{name}"
    (listing,) = [listing for listing in run.listings if listing.connection == connection]
    expected = recorded(provider, "errors.json")[name]
    assert (listing.outcome, listing.records, listing.requests, listing.message) == (
        "failed",
        0,
        expected["requests"],
        expected["message"],
    )
