"""Promise 13: only a change of content makes a version. A record that is not accepted has a reason."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.extract.provider import find_providers
from pipelines.extract.records import Record, digest, instant, read_record

PROVIDERS = find_providers(Path())


def content(text: str, provider: str = "belltastic") -> str | None:
    """The canonical hash of a record."""
    return read_record(PROVIDERS[provider], (), text.encode(), {}, exact=True).canonical_hash


@pytest.mark.parametrize(
    "other",
    [
        '{ "name" : "Café", "id":1, "n":1.50, "at":"2026-01-01T00:00:00Z" }',
        '{"id": 1.0e0, "n": 15e-1, "at": "2026-01-01T01:00:00+01:00", "name": "Café"}',
        '{"id": 1, "n": 1.5, "at": "2025-12-31 23:00:00.000-0100", "name": "Cafe\u0301"}',
        '{"id": 1, "n": 0.15E1, "at": "2026-01-01T00:00:00z", "name": "Caf\\u00e9"}',
    ],
)
def test_promise_13_a_different_spelling_is_not_a_change(other: str) -> None:
    text = '{"id": 1, "n": 1.5, "at": "2026-01-01T00:00:00+00:00", "name": "Café"}'
    assert content(other.replace("1.0e0", "1")) == content(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "2"),
        ("1", '"1"'),
        ("0", "false"),
        ("null", "0"),
        ("null", '""'),
        ("1.5", "1.50000000000000000001"),
        ("12345678901234567890123", "12345678901234567890124"),
        ("1e400", "1e401"),
        ("1", "-1"),
        ("0.5", "-0.5"),
        ("-1", "-1.5"),
        ("1", "1.5"),
        ("true", "1"),
        ("true", "false"),
        ("[1, 2]", "[2, 1]"),
        ('"2026-01-01T00:00:00Z"', '"2026-01-01T00:00:01Z"'),
        ('"2026-01-01T00:00:00.1Z"', '"2026-01-01T00:00:00.2Z"'),
        ('"2026-01-01T00:00:00"', '"2026-01-01T00:00:00Z"'),
        ('"a"', '"A"'),
    ],
)
def test_promise_13_a_different_value_is_a_change(one: str, other: str) -> None:
    assert content(f'{{"id": 1, "x": {one}}}') != content(f'{{"id": 1, "x": {other}}}')


@pytest.mark.parametrize(
    "template", ['{{"id": 1, "{}": 2}}', '{{"id": 1, "x": ["{}"]}}', '{{"id": 1, "x": "{}"}}']
)
@pytest.mark.parametrize("text", ["Caf{}", "2026-Caf{}"])
def test_promise_13_a_different_composition_is_not_a_change(template: str, text: str) -> None:
    assert content(template.format(text.format("e\u0301"))) == content(template.format(text.format("é")))
    assert content(template.format(text.format("e"))) != content(template.format(text.format("é")))


def test_promise_13_the_hashes_that_are_kept_stay_true() -> None:
    """A warehouse has hashes from earlier runs: if they differed now, every record would be a change."""
    numbers = "0, 7, -7, 1.5, -0.25e3, 1e17, 1e18, 1e19, 576460752303423488, 1152921504606846975, 1e400, 1e-7"
    texts = '"a", "Cafe\u0301", "2026-01-02T03:04:05.120+01:00", "2026-01-02T03:04:05Z", "2026-01-02"'
    text = f'{{"id": 1, "é": [{numbers}, {texts}, null, true, false, {{}}, []]}}'
    assert content(text) == "9fd7615902591e4d14e6d7a82d4ad1bd"


def test_an_absent_field_is_not_null() -> None:
    assert content('{"id": 1}') != content('{"id": 1, "x": null}')


@pytest.mark.parametrize("zero", ["0.0", "-0", "-0.0", "0e20", "0E-400", "-0e999999"])
def test_promise_13_zero_has_one_content(zero: str) -> None:
    assert content(f'{{"id": 1, "x": {zero}}}') == content('{"id": 1, "x": 0}')


@pytest.mark.parametrize("number", ["100", "1e2", "100.0", "1.0E+2", "10e1"])
def test_promise_13_spellings_of_a_number_have_the_same_content(number: str) -> None:
    assert content(f'{{"id": 1, "x": {number}}}') == content('{"id": 1, "x": 100}')


@pytest.mark.parametrize("number", ["1" + "0" * 80, "1e80", "10e79", "1.0e80"])
def test_promise_13_spellings_of_a_large_number_have_the_same_content(number: str) -> None:
    assert content(f'{{"id": 1, "x": {number}}}') == content('{"id": 1, "x": 1E80}')


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0", "0.0"),
        ("1e17", "1" + "0" * 17),
        ("1e18", "1" + "0" * 18),
        ("123456789012345678", "1234567890123456780e-1"),
        (str(2**60), f"{2**60}.0"),
        (str(-(2**60)), f"{-(2**60)}.00"),
    ],
)
def test_promise_13_numbers_at_the_edges_have_one_content(one: str, other: str) -> None:
    assert content(f'{{"id": 1, "x": {one}}}') == content(f'{{"id": 1, "x": {other}}}')
    assert content(f'{{"id": 1, "x": [{one}]}}') == content(f'{{"id": 1, "x": [{other}]}}')


@pytest.mark.parametrize(
    "other",
    [
        "2026-01-01T00:00:00+19:00",
        "2026-01-01T00:00:00-23:59",
        "2026-01-01T00:00:00+00:60",
        "2026-01-01T24:00:00Z",
    ],
)
def test_promise_07_only_what_sql_reads_as_a_timestamp_has_another_spelling(other: str) -> None:
    moment = datetime.fromisoformat(other.replace("24:00:00", "00:00:00").replace("00:60", "01:00"))
    same = moment.astimezone(UTC).isoformat()
    assert content(f'{{"id": 1, "x": "{other}"}}') != content(f'{{"id": 1, "x": "{same}"}}')


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_promise_16_a_member_that_another_one_hides_may_be_nested_at_any_depth(
    opening: str, closing: str
) -> None:
    """The size of the stack decides which of two decoders refuses it."""
    for levels in range(900, 1001):
        text = f'{{"id": 7, "x": {opening * levels}1{closing * levels}, "x": 1}}'
        assert read_record(PROVIDERS["belltastic"], (), text.encode(), {}).reason in {
            'the key "x" appears twice',
            "not valid JSON (nested too deeply)",
        }


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"a%s"' % ("\u0301" * 31), "it has more than 30 combining marks in a row"),
        ("[" * 300 + "]" * 300, "it is nested more than 200 levels deep"),
    ],
    ids=["marks", "levels"],
)
def test_promise_16_an_unreadable_volatile_field_is_quarantined(value: str, reason: str) -> None:
    text = f'{{"id": 7, "lockUserName": {value}}}'
    assert read_record(PROVIDERS["rillsoft"], (), text.encode(), {}) == Record(
        "7", text.encode(), reason=reason
    )


@pytest.mark.parametrize("drop", [(), ("a",)])
def test_promise_07_a_record_is_kept_without_a_byte_order_mark_which_duckdb_refuses(
    drop: tuple[str, ...],
) -> None:
    taken = read_record(PROVIDERS["belltastic"], drop, b'\xef\xbb\xbf{"id": 7}', {})
    assert (taken.record_id, taken.payload, taken.reason) == ("7", b'{"id": 7}', None)


@pytest.mark.parametrize("name", ["Größe", "Gro\u0308ße", "GRÖSSE"])
@pytest.mark.parametrize("key", ["Größe", "Gro\u0308ße"])
def test_a_field_is_dropped_in_either_composition(name: str, key: str) -> None:
    taken = read_record(PROVIDERS["belltastic"], (name,), f'{{"id": 7, "{key}": 1}}'.encode(), {})
    assert taken.payload == b'{"id":7}'


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_record_may_be_nested_two_hundred_levels_deep(opening: str, closing: str) -> None:
    def nested(levels: int) -> Record:
        text = f'{{"id": 1, "x": {opening * levels}1{closing * levels}}}'
        return read_record(PROVIDERS["belltastic"], (), text.encode(), {})

    assert nested(199).reason is None
    assert nested(200).reason == "it is nested more than 200 levels deep"


def test_a_hash_has_128_bits() -> None:
    assert len(content('{"id": 1}') or "") == 32


def test_fields_can_be_dropped_from_an_object_only() -> None:
    taken = read_record(PROVIDERS["belltastic"], ("secret",), b"[1]", {})
    assert taken == Record(None, b"", reason="it is not an object, so no fields can be dropped from it")


def test_promise_13_a_change_of_volatile_fields_is_not_a_change() -> None:
    one = '{"id": 1, "name": "A", "lockUserId": 7, "isReadOnly": true}'
    other = '{"id": 1, "name": "A", "lockUserName": "B"}'
    assert content(one, "rillsoft") == content(other, "rillsoft")
    assert content(one) != content(other)


@pytest.mark.parametrize(
    ("text", "record_id", "reason"),
    [
        ("[1]", None, "it is not an object but [1]"),
        (f"[{'1' * 50}]", None, f"it is not an object but [{'1' * 39}"),
        ("{}", None, "its id, id, is missing"),
        ('{"id": null}', None, "its id, id, is missing"),
        ('{"id": true}', None, "its id, id, is True"),
        ('{"id": 1.0}', None, "its id, id, is 1.0"),
        (f'{{"id": 1.{"0" * 50}}}', None, f"its id, id, is 1.{'0' * 38}"),
        ('{"id": " "}', None, "its id, id, is ' '"),
        ('{"id": "a\\u0000"}', None, "its id, id, is 'a\\x00'"),
        ('{"id": 7, "x": NaN}', "7", "not valid JSON (JSON is malformed: invalid character (byte 15))"),
    ],
)
def test_promise_06_a_quarantined_record_has_its_reason(
    text: str, record_id: str | None, reason: str
) -> None:
    taken = read_record(PROVIDERS["belltastic"], (), text.encode(), {})
    assert taken == Record(record_id, text.encode(), reason=reason)


QUOTE = r"\""
NOT_TAKEN = {
    "marks": (
        '{"id": 7, "x": "a%s"}' % ("\u0301\u0316" * 600_000),
        "it has more than 30 combining marks in a row",
    ),
    "marks in a key": (
        '{"id": 7, "a%s": 1}' % ("\u0301\u0316" * 40_000),
        "it has more than 30 combining marks in a row",
    ),
    "escaped marks": (
        '{"id": 7, "x": "a%s"}' % ("\\u0301\\u0316" * 40_000),
        "it has more than 30 combining marks in a row",
    ),
    "an exponent": (
        '{"id": 7, "x": 1e999999999999999999999}',
        "not valid JSON (a number has too large an exponent)",
    ),
    "a negative exponent": (
        '{"id": 7, "x": -1E-999999999999999999999}',
        "not valid JSON (a number has too large an exponent)",
    ),
    "many digits": ('{"id": 7, "x": %s}' % ("1" * 5000), "an integer has more digits than can be read"),
    "a surrogate as a key": ('{"\\ud800x": 1, "id": 7}', "not valid JSON ("),
    "a key twice": ('{"id": 7, "name": "first", "name": "second"}', 'the key "name" appears twice'),
    "a key twice inside": ('{"id": 7, "x": [{"y": {"z": 1, "z": 1}}]}', 'the key "z" appears twice'),
    "strings that do not end": (
        f'{{"id": 7, "x": {"[" * 6000}"{QUOTE * 1_000_000}}}',
        "not valid JSON",
    ),
}


@pytest.mark.parametrize("drop", [(), ("a",)], ids=["whole", "dropping"])
@pytest.mark.parametrize(("text", "reason"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_promises_06_and_16_an_unreadable_record_is_quarantined(
    text: str, reason: str, drop: tuple[str, ...]
) -> None:
    taken = read_record(PROVIDERS["belltastic"], drop, text.encode(), {})
    if drop and '"' + QUOTE in text:
        reason = "it is not an object, so no fields can be dropped from it"
    assert (taken.content_hash, taken.reason and taken.reason.startswith(reason)) == (None, True)


def test_promise_06_a_record_that_is_not_utf_8_is_quarantined_by_its_id() -> None:
    taken = read_record(PROVIDERS["belltastic"], (), '{"id": 7, "x": "é"}'.encode("latin-1"), {})
    assert (taken.record_id, taken.payload) == ("7", '{"id": 7, "x": "\ufffd"}'.encode())
    assert taken.reason is not None
    assert taken.reason.startswith("not valid JSON ('utf-8' codec can't decode byte 0xe9")


def test_promise_06_a_record_with_two_ids_is_quarantined() -> None:
    same = read_record(PROVIDERS["belltastic"], (), b'{"id": 7, "id": 7}', {})
    other = read_record(PROVIDERS["belltastic"], (), b'{"id": 7, "id": 8}', {})
    assert (same.record_id, other.record_id) == ("7", None)
    assert same.reason == other.reason == 'the key "id" appears twice'


def test_every_occurrence_of_a_dropped_field_is_dropped() -> None:
    text = rb'{"\ud800x": 1, "a": 2, "id": 7, "\u0061": 3}'
    taken = read_record(PROVIDERS["belltastic"], ("a",), text, {})
    assert taken.payload == rb'{"\ud800x":1,"id":7}'
    assert taken.reason is not None


@pytest.mark.parametrize("letter", ["x", "é"])
def test_promise_16_a_record_that_is_too_large_is_quarantined_with_its_beginning(letter: str) -> None:
    text = f'{{"id": 7, "name": "a{letter * (8 << 20)}"}}'.encode()
    taken = read_record(PROVIDERS["belltastic"], (), text, {})
    assert taken.record_id == "7"
    size = len(text) >> 20
    assert taken.reason == (f"it has {size} MB, more than the 8 MB allowed; its first 64 KB are kept here")
    assert taken.payload is not None
    assert text.startswith(taken.payload)
    assert len(taken.payload) in {64 << 10, (64 << 10) - 1}
    assert read_record(PROVIDERS["belltastic"], ("name",), text, {}).payload == b'{"id":7}'


def test_records_of_up_to_8_mb_are_kept_completely() -> None:
    for size in (65 << 10, 8 << 20):
        text = b'{"name": "%s"}' % (b"x" * (size - 12))
        assert len(text) == size
        assert read_record(PROVIDERS["belltastic"], (), text, {}).payload == text


def test_a_record_of_exactly_8_mb_is_accepted() -> None:
    text = b'{"id": 7, "name": "%s"}' % (b"x" * ((8 << 20) - 21))
    assert len(text) == 8 << 20
    assert read_record(PROVIDERS["belltastic"], (), text, {}).reason is None
    one_more = text.replace(b"7", b"77")
    assert read_record(PROVIDERS["belltastic"], (), one_more, {}).reason is not None


def test_promise_07_ids_are_kept_exactly() -> None:
    ids = ["12345678901234567890123", "0001", " a", "É"]
    texts = ['{"id": 12345678901234567890123}', '{"id": "0001"}', '{"id": " a"}', '{"id": "É"}']
    assert [read_record(PROVIDERS["belltastic"], (), text.encode(), {}).record_id for text in texts] == ids


def test_dropped_fields_leave_the_rest_as_it_was_sent() -> None:
    text = b'{"id": 1, "secret": {"a": 1}, "n": 1.10, "big": 12345678901234567890123}'
    taken = read_record(PROVIDERS["belltastic"], ("secret", "unknown"), text, {})
    assert taken.payload == b'{"id":1,"n":1.10,"big":12345678901234567890123}'
    assert taken.content_hash == digest(taken.payload)


def test_a_record_without_the_fields_to_drop_stays_as_it_was_sent() -> None:
    text = b'{ "id": 1,  "name": "A" }'
    assert read_record(PROVIDERS["belltastic"], ("secret",), text, {}).payload == text


def test_a_known_text_is_not_parsed_again() -> None:
    text = b'{"id": 1, "name": "A"}'
    known = {digest(text): "1"}
    assert read_record(PROVIDERS["belltastic"], (), text, known) == Record("1", None, digest(text))
    spelled_otherwise = b'{"name": "A", "id": 1}'
    taken = read_record(PROVIDERS["belltastic"], (), spelled_otherwise, known)
    assert taken.payload == spelled_otherwise
    dropped = b'{"id": 1, "secret": 2, "name": "A"}'
    kept = read_record(PROVIDERS["belltastic"], ("secret",), dropped, {}).payload or b""
    known = {digest(kept): "1"}
    taken = read_record(PROVIDERS["belltastic"], ("secret",), dropped, known)
    assert taken == Record("1", None, digest(kept))


def test_an_exact_reader_reads_a_text_that_is_known() -> None:
    text = b'{"id": 1, "name": "A"}'
    taken = read_record(PROVIDERS["belltastic"], (), text, {digest(text): "1"}, exact=True)
    assert taken == Record("1", text, digest(text), content(text.decode()))


def test_a_text_has_the_digest_that_duckdb_gives_it() -> None:
    text = '{"id": 1, "name": "Zoë"}'
    with duckdb.connect() as db:
        found = db.execute("select left(sha256($1), 32)", [text]).fetchone()
    assert found == (digest(text.encode()),)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1234567Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1Z", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04:05-0130", datetime(2026, 1, 2, 4, 34, 5, tzinfo=UTC)),
        ("2026-02-30T03:04:05Z", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("soon", None),
        (7, None),
    ],
)
def test_a_creation_time_is_read_with_its_offset(text: object, moment: datetime | None) -> None:
    assert instant(text) == moment
