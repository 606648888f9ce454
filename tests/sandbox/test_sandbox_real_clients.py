"""The simulated providers answer as real clients expect: logins, challenges, errors for unknown paths."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

ACCOUNTS = {
    "accountIds": ["account-1", "account-2", "account-3"],
    "accountNames": ["Évolution Voice Québec", "Harbour Communications", "Telefonservice Köln"],
}
LISTING = {
    "fone_dynamics": "/Properties",
    "matter": "/projects/get?locale=en&pageNumber=1&pageSize=1",
    "rillsoft": "/clients/11/projects",
    "evovoice": "/files",
    "belltastic": "/projects",
}


def fone_dynamics(code: str, message: str) -> dict:
    return {"ResponseStatus": {"ErrorCode": code, "Message": message, "Errors": []}}


def evovoice(code: str, message: str) -> dict:
    return {"responseStatus": {"errorCode": code, "message": message, "errors": []}}


def matter(message: str) -> dict:
    code = "CE00001 - Connect request failed validation. Refer to provided messages for details."
    return {"status": {"state": "ERROR", "code": code, "messages": [message]}, "connectRequest": {}}


UNKNOWN = {
    "fone_dynamics": fone_dynamics("NotFound", "There is nothing at /v2/nowhere."),
    "matter": matter("There is nothing at /connect/v2/nowhere."),
    "rillsoft": {
        "status": "error",
        "code": 404,
        "message": "Not found",
        "details": "There is nothing at /api/v2/nowhere.",
    },
    "evovoice": evovoice("NotFound", "There is nothing at /nowhere."),
    "belltastic": {"message": "There is nothing at /api/v1/nowhere."},
}
NOT_TAKEN = {
    "fone_dynamics": fone_dynamics("MethodNotAllowed", "/v2/Properties does not take PATCH."),
    "matter": matter("/connect/v2/projects/get does not take PATCH."),
    "rillsoft": {
        "status": "error",
        "code": 405,
        "message": "Method not allowed",
        "details": "/api/v2/clients/11/projects does not take PATCH.",
    },
    "evovoice": evovoice("MethodNotAllowed", "/files does not take PATCH."),
    "belltastic": {"message": "/api/v1/projects does not take PATCH."},
}


@pytest.mark.parametrize("provider", LISTING)
def test_an_unknown_path_gets_the_vendors_own_error(sandbox, connect, provider):
    answer = connect(sandbox, provider).get("/nowhere")
    assert (answer.status_code, answer.json()) == (404, UNKNOWN[provider])


@pytest.mark.parametrize("provider", LISTING)
def test_an_unsupported_method_gets_the_vendors_own_error(sandbox, connect, provider):
    answer = connect(sandbox, provider).request("PATCH", LISTING[provider])
    assert (answer.status_code, answer.json()) == (405, NOT_TAKEN[provider])
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/_sandbox/nowhere"])
def test_an_unknown_path_of_the_sandbox_itself_is_json(sandbox, anonymous, path):
    answer = anonymous(sandbox, "matter").session.get(sandbox.url + path, timeout=10)
    assert (answer.status_code, list(answer.json())) == (404, ["message"])


@pytest.mark.parametrize(
    ("provider", "challenge"),
    [
        ("fone_dynamics", 'Basic realm="sandbox"'),
        ("matter", 'Bearer realm="sandbox"'),
        ("rillsoft", 'Bearer realm="sandbox"'),
        ("evovoice", 'Basic realm="sandbox"'),
        ("belltastic", 'Bearer realm="sandbox"'),
    ],
)
def test_a_401_says_how_to_authenticate(sandbox, anonymous, provider, challenge):
    answer = anonymous(sandbox, provider).request("GET", LISTING[provider])
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, challenge)


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("provider", ["fone_dynamics", "matter", "rillsoft", "belltastic"])
def test_the_scheme_is_read_in_any_case(sandbox, connect, provider, spell):
    api = connect(sandbox, provider)
    scheme, credentials = api.get("").request.headers["Authorization"].split()
    url = urlsplit(api.base_url + LISTING[provider])
    connection = HTTPConnection(url.netloc, timeout=10)
    target = f"{url.path}?{url.query}"
    connection.request("GET", target, headers={"Authorization": f"{spell(scheme)} {credentials}"})
    assert connection.getresponse().status == 200
    connection.close()


def test_evovoice_accepts_basic_authentication_too(sandbox, anonymous, settings):
    api, config = anonymous(sandbox, "evovoice"), settings(sandbox)["evovoice"]
    api.session.auth = (config["user_name"], config["password"])
    assert api.get("/files").status_code == 200
    api.session.auth = (config["user_name"], "wrong")
    assert api.get("/files").status_code == 401


def test_the_status_of_a_login(sandbox, anonymous, connect, settings):
    stranger = anonymous(sandbox, "evovoice").get("/auth/status")
    assert (stranger.status_code, stranger.json()) == (200, {"isAuthenticated": False})
    known = connect(sandbox, "evovoice").get("/auth/status").json()
    assert known == ACCOUNTS | {
        "isAuthenticated": True,
        "id": "user-0",
        "name": "Rollcall",
        "emailAddress": settings(sandbox)["evovoice"]["user_name"],
        "roles": ["Manager"],
    }


@pytest.mark.parametrize("path", ["/auth", "/auth/credentials", "/api/Authenticate"])
def test_a_client_of_servicestack_logs_in_asks_and_logs_out(sandbox, anonymous, settings, path):
    api, config = anonymous(sandbox, "evovoice"), settings(sandbox)["evovoice"]
    assert api.get(path).status_code == 401
    login = {"provider": "credentials", "userName": config["user_name"], "password": config["password"]}
    assert api.request("POST", path, json=login | {"password": "wrong"}).status_code == 401
    session = api.request("POST", path, json=login).json()
    assert session["userName"] == config["user_name"]
    assert api.get(path).json() == session
    assert api.get("/files").status_code == 200
    assert api.request("POST", path, json={"provider": "logout"}).status_code == 200
    assert api.get(path).status_code == api.get("/files").status_code == 401


def test_a_file_is_read_by_its_id(sandbox, connect, anonymous):
    api = connect(sandbox, "evovoice")
    file = sandbox.store("evovoice").records(3, 4)[0]
    assert api.get(f"/files/{file['id']}").json() == file
    missing = api.get("/files/nothing")
    assert (missing.status_code, missing.json()) == (404, evovoice("NotFound", "The file does not exist."))
    assert anonymous(sandbox, "evovoice").get(f"/files/{file['id']}").status_code == 401
