"""Promise 21: a secret is found in every spelling in which it may be repeated."""

import base64
import html
import json
from urllib.parse import quote

import pytest

from pipelines.common.redaction import PIECE_BYTES, Secrets

TOKEN = "S3cr3t+/=1<tok&n>"
SECRETS = Secrets([TOKEN, ""], "Basic dXNlcjpwYXNzd29yZC1vZi11c2Vy")
SPELLINGS = {
    "as it is": TOKEN,
    "in capitals": TOKEN.upper(),
    "in small letters": TOKEN.lower(),
    "escaped as PHP does": TOKEN.replace("/", r"\/"),
    "escaped as .NET does": TOKEN.replace("+", r"\u002B").replace("<", r"\u003C").replace("&", r"\u0026"),
    "escaped whole": "".join(f"\\u{ord(character):04x}" for character in TOKEN),
    "percent-encoded": quote(TOKEN, safe=""),
    "percent-encoded in small letters": quote(TOKEN, safe="").lower(),
    "percent-encoded whole": "".join(f"%{ord(character):02x}" for character in TOKEN),
    "with entities": html.escape(TOKEN),
    "with numbered entities": "".join(f"&#{ord(character)};" for character in TOKEN),
    "with hexadecimal entities": "".join(f"&#x{ord(character):X};" for character in TOKEN),
    "percent-encoded within JSON": json.dumps(quote(TOKEN)).replace("/", r"\/"),
    "in base64": base64.b64encode(TOKEN.encode()).decode(),
    "after one byte in base64": base64.b64encode(f"x{TOKEN}yz".encode()).decode(),
    "after two bytes in base64": base64.b64encode(f"xx{TOKEN}".encode()).decode(),
    "in base64 for URLs": base64.urlsafe_b64encode(f"??{TOKEN}??".encode()).decode(),
    "in the other case": TOKEN.swapcase(),
    "in hex": TOKEN.encode().hex(),
    "in hex in capitals": TOKEN.encode().hex().upper(),
    "escaped as Python does": "".join(f"\\x{ord(character):02x}" for character in TOKEN),
    "in JSON in JSON": json.dumps(json.dumps("".join(f"\\u{ord(character):04x}" for character in TOKEN))),
    "in a URL in a URL": quote(quote(TOKEN, safe=""), safe=""),
    "with entities of entities": html.escape(html.escape(TOKEN)),
    "with entities and zeros": "".join(f"&#{ord(character):07};" for character in TOKEN),
    "as a header has it": "dXNlcjpwYXNzd29yZC1vZi11c2Vy",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_is_found_in_a_body_and_hidden_in_a_message(spelling: str) -> None:
    assert SECRETS.are_in(f'{{"debug": "it was {spelling}."}}'.encode())
    shown = SECRETS.redact(f"it was {spelling}.")
    assert "***" in shown
    assert spelling[2:-4] not in shown


@pytest.mark.parametrize("spelling", [quote(TOKEN, safe=""), TOKEN.replace("/", r"\/"), html.escape(TOKEN)])
def test_a_secret_with_a_character_in_another_spelling_is_hidden_to_its_end(spelling: str) -> None:
    assert "tok" not in SECRETS.redact(f"it was {spelling}, or {TOKEN}")


@pytest.mark.parametrize("length", range(8, len(TOKEN)))
def test_the_beginning_of_a_secret_is_hidden_in_a_message(length: int) -> None:
    assert SECRETS.redact(f"{TOKEN[:length]}… and {TOKEN[:length]}") == "***… and ***"


@pytest.mark.parametrize("before", range(PIECE_BYTES - 40, PIECE_BYTES + 40, 7))
def test_a_secret_is_found_across_two_chunks(before: int) -> None:
    assert SECRETS.are_in(b" " * before + SPELLINGS["percent-encoded whole"].encode())


def test_a_text_without_a_secret_stays_as_it_is() -> None:
    for text in ("", "S3cr3t+", "50 % of <b> & \\u0041", "\ud800", "é"):
        assert SECRETS.redact(text) == text
        assert not SECRETS.are_in(text.encode("utf-8", "surrogatepass"))


def test_a_short_secret_may_be_in_a_body_by_chance() -> None:
    short = Secrets(["swordfish"])
    assert not short.are_in(b"swordfish")
    assert short.redact("a swordfish") == "a ***"


@pytest.mark.parametrize("secret", ["u", "ab", "abc", "pass"])
def test_a_very_short_secret_is_hidden_too(secret: str) -> None:
    assert Secrets([secret], f"Bearer {secret}").redact(f"{secret}! 12") == "***! 12"


def test_without_secrets_nothing_is_hidden() -> None:
    assert Secrets(()).redact("anything") == "anything"
    assert not Secrets(()).are_in(b"anything")
