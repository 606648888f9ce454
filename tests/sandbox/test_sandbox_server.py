"""The sandbox as a whole: configuration, determinism, faults, delays, hooks and the request log."""

import tomllib

import pytest
import requests

from pipelines.sandbox import (
    PROVIDERS,
    RILLSOFT_CLIENT_IDS,
    Fault,
    RequestCounter,
    RequestLine,
    Sandbox,
    serve,
)

PAGE = {"locale": "en", "pageNumber": "2", "pageSize": "10"}


def all_records(sandbox: Sandbox) -> dict:
    clients = {"rillsoft": RILLSOFT_CLIENT_IDS}
    return {
        (provider, client): sandbox.store(provider, client).records()
        for provider in PROVIDERS
        for client in clients.get(provider, (None,))
    }


@pytest.fixture
def matter(sandbox, connect):
    api = connect(sandbox, "matter")

    def ask(timeout: float = 10) -> requests.Response:
        return api.session.get(f"{api.base_url}/projects/get", params=PAGE, timeout=timeout)

    return ask


def test_the_configuration_names_every_provider_and_its_secrets(empty):
    config, secrets = (tomllib.loads(text)["sources"] for text in (empty.config_toml(), empty.secrets_toml()))
    assert config == {
        "fone_dynamics": {
            "base_url": f"{empty.url}/fone_dynamics/v2",
            "account_sid": config["fone_dynamics"]["account_sid"],
        },
        "matter": {"base_url": f"{empty.url}/matter/connect/v2"},
        "rillsoft": {"base_url": f"{empty.url}/rillsoft/api/v2", "client_ids": [11, 12, 27]},
        "evovoice": {"base_url": f"{empty.url}/evovoice", "user_name": "rollcall-1@example.com"},
        "belltastic": {"base_url": f"{empty.url}/belltastic/api/v1"},
    }
    assert {provider: list(keys) for provider, keys in secrets.items()} == {
        "fone_dynamics": ["token"],
        "matter": ["access_token"],
        "rillsoft": ["access_token"],
        "evovoice": ["password"],
        "belltastic": ["api_token"],
    }
    assert secrets["belltastic"]["api_token"].startswith("user_")
    assert empty.url.startswith("http://127.0.0.1:")


def test_a_seed_makes_the_same_records_and_credentials():
    one, same, other = (Sandbox(seed=seed, projects=30, files=30) for seed in (1, 1, 2))
    assert all_records(one) == all_records(same)
    assert one.secrets_toml() == same.secrets_toml()
    theirs = all_records(other)
    assert [key for key, records in all_records(one).items() if records == theirs[key]] == []
    assert one.secrets_toml() != other.secrets_toml()


def test_an_added_record_is_the_next_of_its_seed():
    shorter, longer = Sandbox(projects=3), Sandbox(projects=4)
    assert shorter.store("matter").add() == longer.store("matter").records()[3]


def test_each_provider_can_have_its_own_number_of_projects():
    sandbox = Sandbox(projects={"matter": 7, "rillsoft": 4}, files=0)
    counts = {key: len(records) for key, records in all_records(sandbox).items()}
    assert counts == {
        ("fone_dynamics", None): 0,
        ("matter", None): 7,
        ("rillsoft", 11): 2,
        ("rillsoft", 12): 1,
        ("rillsoft", 27): 1,
        ("evovoice", None): 0,
        ("belltastic", None): 0,
    }


def test_an_unknown_provider_or_a_missing_client_is_refused():
    with pytest.raises(ValueError, match="no such provider: mater; there are fone_dynamics, matter"):
        Sandbox(projects={"mater": 1})
    with pytest.raises(ValueError, match="no such provider: mater"):
        Fault("mater")
    with pytest.raises(LookupError, match="rillsoft has records for client 11, 12, 27; None was asked for"):
        Sandbox().store("rillsoft")


def test_a_reset_restores_records_faults_and_latency(sandbox, matter):
    before = all_records(sandbox)
    sandbox.store("matter").remove(before["matter", None][0]["originId"])
    sandbox.faults.add(Fault("matter", times=None))
    sandbox.latency_s = 30
    sandbox.reset()
    assert matter().status_code == 200
    assert all_records(sandbox) == before
    assert len(sandbox.requests) == 1


def test_a_port_can_be_chosen_and_reused():
    with Sandbox(projects=0, files=0) as first:
        port = int(first.url.rpartition(":")[2])
        requests.get(first.url, timeout=10)
    with Sandbox(projects=0, files=0, port=port) as second:
        assert second.url == first.url
        assert requests.get(second.url, timeout=10).status_code == 404


def test_serve_announces_both_configuration_files_and_ends_when_interrupted():
    announced = []

    def announce(text: str) -> None:
        announced.append(tomllib.loads(text)["sources"])
        assert requests.get(announced[0]["matter"]["base_url"], timeout=10).status_code == 404
        if len(announced) == 2:
            raise KeyboardInterrupt

    serve(seed=3, projects=1, files=1, port=0, latency_s=0.0, announce=announce)
    config, secrets = announced
    assert list(config) == list(secrets) == list(PROVIDERS)
    with pytest.raises(requests.ConnectionError):
        requests.get(config["matter"]["base_url"], timeout=10)


def test_a_fault_occurs_as_often_as_configured(sandbox, matter):
    sandbox.faults.add(Fault("matter", times=2, status=429, headers={"Retry-After": "7"}, body="slow down"))
    answers = [matter() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert (answers[0].headers["Retry-After"], answers[0].text) == ("7", "slow down")
    assert sandbox.faults.active() == []


def test_a_fault_without_a_limit_applies_until_it_is_cleared(sandbox, matter):
    sandbox.faults.add(Fault("matter", times=None))
    assert [matter().status_code for _ in range(3)] == [500, 500, 500]
    sandbox.faults.clear()
    assert matter().status_code == 200


def test_the_first_matching_fault_applies(sandbox, matter):
    sandbox.faults.add(
        Fault("fone_dynamics"),
        Fault("matter", match=r"pageNumber=20\b"),
        Fault("matter", match=r"^GET .*pageNumber=2\b", status=502),
        Fault("matter", status=503),
    )
    assert [matter().status_code for _ in range(3)] == [502, 503, 200]


def test_a_content_length_above_that_of_the_body_cuts_the_answer_short(sandbox, matter):
    sandbox.faults.add(Fault("matter", status=200, headers={"Content-Length": "100"}, body="{"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        matter()
    assert matter().status_code == 200


def test_a_delay_alone_leaves_the_answer(sandbox, matter):
    expected = matter().json()
    sandbox.faults.add(Fault("matter", status=None, delay_s=0.001))
    assert matter().json() == expected
    assert sandbox.faults.active() == []


def test_a_fault_or_the_latency_delays_an_answer(sandbox, matter):
    sandbox.faults.add(Fault("matter", status=None, delay_s=60))
    with pytest.raises(requests.ReadTimeout):
        matter(timeout=0.05)
    sandbox.latency_s = 60
    with pytest.raises(requests.ReadTimeout):
        matter(timeout=0.05)


def test_a_hook_changes_records_between_two_pages(sandbox, connect):
    store, api = sandbox.store("matter"), connect(sandbox, "matter")
    first, *_, last = store.records()

    def remove_first_before_page_2(request: RequestLine) -> None:
        if request.query["pageNumber"] == "2":
            store.remove(first["originId"])

    sandbox.before_request(remove_first_before_page_2)
    pages = [
        api.get("/projects/get", locale="en", pageNumber=number, pageSize=100).json()["result"]
        for number in (1, 2, 3)
    ]
    assert [page["searchInfo"]["numberOfElements"] for page in pages] == ["250", "249", "249"]
    assert pages[0]["data"][0] == first
    assert pages[1]["data"][0] == store.records()[100]
    assert pages[2]["data"][-1] == last


def test_a_failing_hook_is_logged(sandbox, matter, caplog):
    def fail(_request: RequestLine) -> None:
        raise RuntimeError("mistaken hook")

    sandbox.before_request(fail)
    assert matter().status_code == 500
    assert "the sandbox failed to answer GET /matter/connect/v2/projects/get" in caplog.text
    assert "mistaken hook" in caplog.text


def test_the_log_holds_requests_without_credentials(sandbox, connect):
    connect(sandbox, "evovoice").get("/files", FileName="a b")
    connect(sandbox, "fone_dynamics").get("/Properties/S1")
    assert sandbox.requests == [
        RequestLine("evovoice", "POST", "/evovoice/auth/credentials", ""),
        RequestLine("evovoice", "GET", "/evovoice/files", "FileName=a+b"),
        RequestLine("fone_dynamics", "GET", "/fone_dynamics/v2/Properties/S1", ""),
    ]
    assert sandbox.requests[1].query == {"FileName": "a b"}
    assert str(sandbox.requests[1]) == "GET /evovoice/files?FileName=a+b"
    assert sandbox.traffic.counts == {"evovoice": 2, "fone_dynamics": 1}


def test_requests_in_flight_are_counted_by_provider():
    traffic = RequestCounter()
    matter, rillsoft = (RequestLine(provider, "GET", "/", "") for provider in ("matter", "rillsoft"))
    with traffic.passing(matter), traffic.passing(rillsoft), traffic.passing(matter):
        pass
    with traffic.passing(matter):
        pass
    assert traffic.max_in_flight == {"matter": 2, "rillsoft": 1}
    assert traffic.counts == {"matter": 3, "rillsoft": 1}


def test_a_long_listing_is_served_completely(connect):
    with Sandbox(projects={"belltastic": 2001, "rillsoft": 6000}, files=0) as many:
        listed = connect(many, "belltastic").get("/projects").json()
        details = connect(many, "rillsoft").get("/clients/11/projects").json()["details"]
        assert listed == many.store("belltastic").records()
        assert details == many.store("rillsoft", 11).records()


@pytest.mark.parametrize("unknown", ["nonsense", "0123456789abcdef01234567", "ü", 5, -1])
@pytest.mark.parametrize("provider", ["fone_dynamics", "matter", "evovoice"])
def test_an_unknown_id_cannot_be_read_changed_removed_or_restored(sandbox, provider, unknown):
    store = sandbox.store(provider)
    assert store.get(unknown) is None
    for act in (store.change, store.remove, store.restore):
        with pytest.raises(KeyError):
            act(unknown)
