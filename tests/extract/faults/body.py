"""Faults in the body of an answer."""

import json
from typing import Any

from tests.extract.faults.cases import (
    ALL,
    CHECK_SETTINGS,
    ID,
    NAME,
    PAGED,
    Case,
    always,
    first_record,
    on_page,
    raw_name,
    status,
)
from tests.extract.faults.hostile import LIST, Exchange, Fault, Reply, json_reply, put

OF_TEXT_IDS = ("fone_dynamics", "matter", "evovoice")
OF_NUMBERS = ("rillsoft", "belltastic")
ENVELOPES = ("fone_dynamics", "matter", "rillsoft", "evovoice")
ERRORS: dict[str, Any] = {
    "fone_dynamics": {"ResponseStatus": {"ErrorCode": "Busy", "Message": "Not now.", "Errors": []}},
    "matter": {"status": {"state": "ERROR", "code": "CE00001 - Busy", "messages": ["Not now."]}},
    "rillsoft": {"status": "error", "code": 500, "message": "Busy", "details": "Not now."},
    "evovoice": {"responseStatus": {"errorCode": "Busy", "message": "Not now."}},
    "belltastic": {"message": "Not now."},
}
TOLD_BY = {
    "fone_dynamics": {
        "message": "Busy: Not now.",
        "missing": "the answer has neither Properties nor Projects",
        "null": "expected an array, not null",
    },
    "matter": {
        "message": "CE00001: Busy; Not now.",
        "missing": "expected an array, not null",
        "null": "expected an array, not null",
    },
    "rillsoft": {
        "message": "500: Busy, Not now.",
        "missing": "the answer has no list of projects",
        "null": "the answer has no list of projects",
    },
    "evovoice": {
        "message": "Busy: Not now.",
        "missing": "the answer has no Items",
        "null": "expected an array, not null",
    },
    "belltastic": {"message": "message: Not now.", "null": "expected an array, not null"},
}
for _texts in TOLD_BY.values():
    _texts["message_on_many_lines"] = _texts["message"].replace("Not now.", r"a \x1b[2Jb c")
UNUSUAL = {
    "_dlt_id": "1",
    "_dlt_load_id": 2,
    "valid_from": "2000-01-01T00:00:00Z",
    "valid_to": None,
    "project_key": "x:1",
    "record_id": 3,
    "select": "'; drop table raw.records; --",
    '"; --': "$1",
    "": "nameless",
}
STATUS_FIELD = {
    "fone_dynamics": "Active",
    "matter": "projectStatus",
    "rillsoft": "status",
    "evovoice": "type",
    "belltastic": "default",
}
TIME_FIELD = {
    "matter": "lastUpdated",
    "rillsoft": "start",
    "evovoice": "dateCreated",
    "belltastic": "created_at",
}
LOGIN = b"<!doctype html><html><body>Please log in</body></html>"
XML = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><projects>&x;</projects>'
DEEP = b"[" * 100_000 + b"]" * 100_000
QUARANTINED = {"quarantined": 1, "unchanged": 11}
CHANGED = {"changed": 1, "unchanged": 11}
ANOTHER = {"new": 1, "removed": 1, "unchanged": 11}
NO_ID = "1 record has no readable id"


def error_in_200(asked: Exchange) -> Reply:
    return json_reply(ERRORS[asked.provider])


def listed(value: object) -> Fault:
    """Good answers with another value in place of the list of records."""
    return lambda asked: json_reply(put(asked.json(), LIST[asked.provider], value))


def unlisted(asked: Exchange) -> Reply:
    """A good answer without the key of the list."""
    body, (*outer, key) = asked.json(), LIST[asked.provider]
    inner = body["result"] if outer else body
    del inner[key]
    return json_reply(body)


def cut(share: float) -> Fault:
    """A part of the body, with a true length."""

    def answer(asked: Exchange) -> Reply:
        whole = asked.good()
        text = whole.body[: int(len(whole.body) * share)].decode(errors="ignore")
        return Reply(text.encode(), headers=whole.headers)

    return answer


def typed(content_type: str | None, prefix: bytes = b"") -> Fault:
    """Good answers that say what kind they are."""
    headers = {"Content-Type": content_type} if content_type else {}
    return lambda asked: Reply(prefix + asked.good().body, headers=headers)


def encoded(charset: str) -> Fault:
    """Good answers in other bytes, which say no charset."""

    def answer(asked: Exchange) -> Reply:
        reply = first_record(lambda provider, record: record | {NAME[provider]: "Größe"})(asked)
        assert reply is not None
        text = json.dumps(json.loads(reply.body), ensure_ascii=False)
        return Reply(text.encode(charset, "replace"), headers=reply.headers)

    return answer


def echo(asked: Exchange) -> Reply:
    """An error that repeats everything it was sent, in the provider's own form."""
    sent = " ".join([*asked.headers.values(), asked.account.secret, asked.account.secret_in_a_url])
    error = json.dumps(ERRORS[asked.provider]).replace("Not now.", json.dumps(sent)[1:-1])
    return Reply(error.encode(), 400)


def echo_in_a_record(asked: Exchange) -> Reply:
    reply = first_record(lambda _, record: record | {"debug": asked.account.secret})(asked)
    assert reply is not None
    return reply


def echo_escaped(asked: Exchange) -> Reply:
    """A record that repeats the secret as some JSON encoders escape it."""
    reply = echo_in_a_record(asked)
    secret = json.dumps(asked.account.secret)[1:-1].encode()
    escaped = "".join(f"\\u{ord(character):04X}" for character in asked.account.secret).encode()
    return Reply(reply.body.replace(secret, escaped), headers=reply.headers)


def ids(edit: Any) -> Fault:
    return first_record(lambda provider, record: record | {ID[provider]: edit(record[ID[provider]])})


def named(value: object) -> Fault:
    return first_record(lambda provider, record: record | {NAME[provider]: value})


def many_keys(_: str, record: dict[str, Any]) -> dict[str, Any]:
    return record | {f"key {number}": number for number in range(5000)}


def without_name(provider: str, record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != NAME[provider]}


def failing(fault: Fault, message: str, of: tuple[str, ...] = ALL) -> Case:
    """A failure whose message ends with what to do: to check the settings, if nothing else is known."""
    if not message.endswith(("…", "{connection}", "ask the provider why")):
        message = f"{message}: {CHECK_SETTINGS}"
    return Case(fault, message=message, requests=1, of=of)


def quarantined(fault: Fault) -> Case:
    return Case(fault, "verified", counts=QUARANTINED)


def changed(fault: Fault, of: tuple[str, ...] = ALL) -> Case:
    return Case(fault, "verified", counts=CHANGED, of=of)


def nameless(value: object) -> Case:
    return Case(ids(lambda _: value), "unverified", NO_ID, counts=QUARANTINED)


BODY = {
    "error_in_200": failing(error_in_200, "page 1: {path} answered 200 ({message})"),
    "error_in_200_on_page_2": Case(
        on_page(2, error_in_200),
        "unverified",
        f"page 2: {{path}} answered 200 ({{message}}): {CHECK_SETTINGS}",
        of=PAGED,
        counts={"unchanged": 5},
    ),
    "error_as_html": failing(
        always(Reply(LOGIN, 404, {"Content-Type": "text/html"})),
        "page 1: {path} answered 404: check base_url of {connection}",
    ),
    "error_as_no_quite_json": failing(status(400, b'{"message": "x",}'), "page 1: {path} answered 400"),
    "error_as_a_list": failing(status(400, b"[[[]]]"), "page 1: {path} answered 400"),
    "error_of_another_form": failing(
        status(400, b'{"status": 1, "responseStatus": [], "ResponseStatus": 7, "error": {}}'),
        "page 1: {path} answered 400",
    ),
    "error_on_many_lines": failing(
        lambda asked: Reply(
            json.dumps(ERRORS[asked.provider]).replace("Not now.", r"a\r\n\u001b[2Jb\u2028c").encode(), 400
        ),
        "page 1: {path} answered 400 ({message_on_many_lines})",
    ),
    "error_of_any_length": failing(
        lambda asked: Reply(json.dumps(ERRORS[asked.provider]).replace("Not", "x" * 100_000).encode(), 400),
        "page 1: {path} answered 400 (…",
    ),
    "echo_of_the_secret": failing(echo, "page 1: {path} answered 400 (…"),
    "echo_in_a_record": failing(
        echo_in_a_record,
        "page 1: the answer contains the credentials that were sent: ask the provider why",
    ),
    "echo_in_other_spellings": failing(
        echo_escaped,
        "page 1: the answer contains the credentials that were sent: ask the provider why",
    ),
    "list_missing": failing(unlisted, "page 1: {missing}", ENVELOPES),
    "list_null": failing(listed(None), "page 1: {null}"),
    "list_an_object": failing(listed({"0": {}}), "page 1: …"),
    "list_a_text": failing(listed("[]"), "page 1: …"),
    "list_of_texts": Case(
        listed(["a", "b"]),
        "unverified",
        of=OF_NUMBERS,
        counts={"quarantined": 2, "unchanged": 0},
        message="2 records have no readable id",
    ),
    "no_object": failing(status(200, b"7"), "page 1: expected {expected}, not 7"),
    "nothing": failing(status(200, b""), "page 1: expected {expected}, not nothing"),
    "blank": failing(status(200, b" \n"), "page 1: expected {expected}, not nothing"),
    "two_answers_in_one": failing(
        lambda asked: Reply(asked.good().body * 2, headers={"Content-Type": "application/json"}),
        "page 1: not valid JSON (…",
    ),
    "html": failing(
        always(Reply(LOGIN, headers={"Content-Type": "text/html; charset=utf-8"})),
        "page 1: expected JSON from {path}, got text/html: check base_url of {connection}",
    ),
    "html_that_says_json": failing(
        status(200, LOGIN), "page 1: expected {expected}, not <!doctype html><html><body>Please log in…"
    ),
    "xml": failing(
        always(Reply(XML, headers={"Content-Type": "application/xml"})),
        "page 1: expected JSON from {path}, got application/xml: check base_url of {connection}",
    ),
    "xml_that_says_json": failing(
        status(200, XML), 'page 1: expected {expected}, not <?xml version="1.0"?><…'
    ),
    **{
        f"cut_at_{share}": failing(cut(share / 100), "page 1: expected {expected}, but its end is missing: …")
        for share in (1, 33, 66, 99)
    },
    "nan": quarantined(raw_name(b"NaN")),
    "infinity": quarantined(raw_name(b"-Infinity")),
    "lone_surrogate": quarantined(raw_name(rb'"\ud800"')),
    "surrogate_in_a_key": quarantined(raw_name(rb'{"\ud800x": 1}')),
    "key_twice": quarantined(raw_name(b'{"a": 1, "a": 2}')),
    "large_exponent_without_end": quarantined(raw_name(b"1e999999999999999999999")),
    "many_digits": quarantined(raw_name(b"1" * 5000)),
    "many_marks": quarantined(raw_name(b'"a%s"' % ("\u0301\u0316" * 40_000).encode())),
    "string_without_end": failing(
        raw_name(b"[" * 6000 + b'"' + b'\\"' * 1_000_000 + b"]"),
        "page 1: expected {expected}, but its end is missing: …",
    ),
    "control_character": quarantined(raw_name(b'"a\tb"')),
    "too_deep": quarantined(raw_name(DEEP)),
    "deep": quarantined(raw_name(b"[" * 700 + b"]" * 700)),
    "rather_deep": changed(raw_name(b'{"a":' * 100 + b"1" + b"}" * 100)),
    "nul": changed(raw_name(rb'"a\u0000b"')),
    "large_integer": changed(raw_name(b"1" + b"0" * 400)),
    "large_exponent": changed(raw_name(b"1e400")),
    "long_text": changed(raw_name(b'"' + b"x" * (1 << 20) + b'"')),
    "name_a_number": changed(named(7)),
    "name_true": changed(named(value=True)),
    "name_an_object": changed(named({"de": "Name", "en": None})),
    "name_a_list": changed(named(["a", ["b"]])),
    "name_null": changed(named(None)),
    "name_empty": changed(named("")),
    "name_missing": changed(first_record(without_name)),
    "name_of_sql": changed(named("'; drop table raw.records; --")),
    "unknown_fields": changed(first_record(lambda _, record: record | {"unknown": {"a": [1, None]}})),
    "our_own_names": changed(first_record(lambda _, record: record | UNUSUAL)),
    "many_keys": changed(first_record(many_keys)),
    "unknown_status": changed(
        first_record(lambda provider, record: record | {STATUS_FIELD[provider]: "Новый"})
    ),
    "status_of_another_type": changed(
        first_record(lambda provider, record: record | {STATUS_FIELD[provider]: [3]})
    ),
    **{
        f"time_{name}": changed(
            first_record(lambda provider, record, value=value: record | {TIME_FIELD[provider]: value}),
            tuple(TIME_FIELD),
        )
        for name, value in {
            "a_number": 1700000000,
            "an_object": {"at": 1},
            "no_time": "soon",
            "impossible": "2026-02-30T25:61:61Z",
            "distant": "99999-01-01T00:00:00Z",
            "of_servicestack": "/Date(1700000000000+0100)/",
        }.items()
    },
    "id_a_fraction": nameless(1.5),
    "id_null": nameless(None),
    "id_empty": nameless(""),
    "id_true": nameless(value=True),
    "id_a_list": nameless([1]),
    "id_with_nul": nameless("a\0"),
    "id_of_many_digits": Case(ids(lambda _: 2**70), "verified", counts=ANOTHER),
    "id_of_sql": Case(ids(lambda _: "1' or '1'='1"), "verified", counts=ANOTHER),
    "id_as_text": changed(ids(str), OF_NUMBERS),
    "byte_order_mark": Case(typed("application/json", b"\xef\xbb\xbf"), "verified"),
    "no_content_type": Case(typed(None), "verified"),
    "charset_utf8": Case(typed('application/problem+json; charset="UTF8"'), "verified"),
    "charset_utf16": failing(
        typed("application/json; charset=utf-16"), "page 1: expected UTF-8 from {path}, got utf-16"
    ),
    "charset_of_any_kind": failing(
        typed("application/json; charset*=x'y'%00%zz"), "page 1: expected UTF-8 from {path}, got …"
    ),
    "in_latin_1": quarantined(raw_name('"Größe"'.encode("latin-1"))),
    "in_utf_16": failing(encoded("utf-16"), "page 1: expected {expected}, not …"),
    "plain_text": failing(
        typed("text/plain"),
        "page 1: expected JSON from {path}, got text/plain: check base_url of {connection}",
    ),
    "content_type_of_any_kind": failing(
        typed("\x1b[2J" + "x" * 5000 + "/html"), "page 1: expected JSON from {path}, got …"
    ),
}
