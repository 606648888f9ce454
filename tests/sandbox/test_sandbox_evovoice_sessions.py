"""EvoVoice's simulated login and sessions."""

import pytest

UNAUTHORIZED = {"responseStatus": {"errorCode": "Unauthorized", "message": "Not Authenticated", "errors": []}}


@pytest.fixture
def api(sandbox, connect):
    return connect(sandbox, "evovoice")


def test_login_sets_both_cookies(sandbox, anonymous, post_login, settings):
    session = anonymous(sandbox, "evovoice").session
    config = settings(sandbox)["evovoice"]
    answer = post_login(session, config)
    assert answer.json() == {
        "sessionId": answer.cookies["ss-id"],
        "userName": config["user_name"],
        "responseStatus": {},
    }
    assert set(answer.cookies.keys()) == {"ss-id", "ss-pid"}


@pytest.mark.parametrize("kept", ["ss-id", "ss-pid"])
def test_either_session_cookie_is_accepted(api, kept):
    value = api.session.cookies[kept]
    api.session.cookies.clear()
    assert api.request("GET", "/files", headers={"Cookie": f"{kept}={value}"}).status_code == 200
    assert api.request("GET", "/files", headers={"Cookie": f"{kept}=x{value}"}).status_code == 401


@pytest.mark.parametrize("changed", [{"password": "wrong"}, {"userName": "nobody"}, {"password": None}])
def test_a_wrong_name_or_password_is_a_401(sandbox, anonymous, changed, post_login, settings):
    session = anonymous(sandbox, "evovoice").session
    answer = post_login(session, settings(sandbox)["evovoice"], **changed)
    assert answer.status_code == 401
    assert answer.json() == {
        "responseStatus": {
            "errorCode": "Unauthorized",
            "message": "Invalid UserName or Password",
            "errors": [],
        }
    }
    assert not session.cookies


def test_a_malformed_login_is_refused(sandbox, anonymous, post_login, settings):
    api = anonymous(sandbox, "evovoice")
    assert post_login(api.session, settings(sandbox)["evovoice"], provider="twitter").status_code == 404
    answer = api.request("POST", "/auth/credentials", data="userName=a")
    assert answer.status_code == 400
    assert answer.json() == {
        "responseStatus": {
            "errorCode": "SerializationException",
            "message": "The body is not a JSON object.",
            "errors": [],
        }
    }


def test_files_need_a_session(sandbox, anonymous):
    answer = anonymous(sandbox, "evovoice").get("/files")
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)


def test_sessions_expire(sandbox, api, post_login, settings):
    assert api.get("/files").status_code == 200
    sandbox.expire_sessions()
    answer = api.get("/files")
    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    post_login(api.session, settings(sandbox)["evovoice"])
    assert api.get("/files").status_code == 200


def test_curl_as_user_agent_is_refused(sandbox, api, post_login, settings):
    api.session.headers["User-Agent"] = "curl/8.5.0"
    answers = [api.get("/files"), post_login(api.session, settings(sandbox)["evovoice"])]
    assert [(answer.status_code, answer.headers["Content-Type"]) for answer in answers] == [
        (403, "text/html; charset=utf-8")
    ] * 2
