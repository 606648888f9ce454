"""What counts as JSON, and how values are cut out of it."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from pipelines.common.errors import MalformedAnswer
from pipelines.extract.raw_json import (
    as_count,
    as_text,
    cut_members,
    elements,
    first_of,
    has_each_key_once,
    is_list,
    members,
    read_within,
    refuse_duplicate_keys,
    value,
)


def test_values_are_cut_out_as_they_were_sent() -> None:
    assert members(b'{"a": 1.10 , "b":[1, 2]}') == {"a": b"1.10", "b": b"[1, 2]"}
    assert elements(b'\xef\xbb\xbf[1, {"a": 2}]') == (b"1", b'{"a": 2}')
    assert elements(b" [ ] ") == ()


def test_numbers_are_exact() -> None:
    assert value(b"123456789012345678901234567890") == 123456789012345678901234567890
    assert value(b"[1.10, 1e400]") == [Decimal("1.10"), Decimal("1E+400")]


@pytest.mark.parametrize(
    "bad",
    [
        b"NaN",
        b"-Infinity",
        rb'"\ud800"',
        rb'"\udc00x"',
        b'"a\tb"',
        b'"\xe9"',
        b"01",
        b"tru",
        b"1e999999999999999999999",
        b"1e-400",
        b"1" * 5000,
        b"[" * 5000 + rb'{"]\"": "\\"}' + b"]" * 5000,
    ],
    ids=[
        "nan",
        "infinity",
        "high",
        "low",
        "tab",
        "latin 1",
        "zero",
        "word",
        "exponent",
        "tiny",
        "digits",
        "deep",
    ],
)
def test_a_wrong_value_does_not_affect_its_neighbours(bad: bytes) -> None:
    assert elements(b'[{"id": 1}, {"id": 2, "x": %s}, {"id": 3}]' % bad) == (
        b'{"id": 1}',
        b'{"id": 2, "x": %s}' % bad,
        b'{"id": 3}',
    )
    assert members(b'{"a": {"b": %s}, "c" : [1]}' % bad) == {"a": b'{"b": %s}' % bad, "c": b"[1]"}
    with pytest.raises(MalformedAnswer):
        value(bad)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": %s}' % (b"9" * 5000), "an integer has more digits than can be read"),
        (rb'{"a": "x\ud800y"}', "not valid JSON (half of a surrogate pair)"),
        (rb'{"a": "\udc00\ud800"}', "not valid JSON (half of a surrogate pair)"),
        (b'{"a": -1e-400}', "a number is too close to zero to be read"),
        (b'{"a": 1e999999999999999999999}', "not valid JSON (a number has too large an exponent)"),
    ],
)
def test_promise_07_a_value_that_python_cannot_hold_is_refused_with_the_reason(
    text: bytes, reason: str
) -> None:
    with pytest.raises(MalformedAnswer) as refused:
        value(text)
    assert refused.value.reason == reason


def test_the_smallest_numbers_are_read() -> None:
    assert value(b"[5e-324, 0e-400]") == [Decimal("5e-324"), 0]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"[1, 2",
        b"[[1]",
        b"\x0c[1]",
        b"[1]\x0b",
        b"[NaN, [1]",
        b"[1,]",
        b"[NaN,]",
        b"[1,,NaN]",
        b"[NaN 1]",
        b"[NaN] x",
        b"[1] x",
        b"[:]",
        b"[NaN, :]",
        b"[}]",
        b"[NaN:1]",
        b"{}",
        b"null",
        b'"[]"',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 99_999,
        b"[" * 100_000 + b"]",
        b"[1" + b"0" * 5000 + b"]]",
    ],
)
def test_a_value_that_is_not_an_array_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        elements(text)


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"{",
        b'{"a"}',
        b'{"a": NaN,}',
        b'{"a": 1 "b": NaN}',
        b"{NaN: 1}",
        b'{"a": {"b": 1}',
        b'{"a" NaN}',
        b"{}}",
        b'{"a": }',
        b'{"a": NaN, "a": 1}',
        b'{"a": 1, "\\u0061": 1}',
        b'{"a": 1, "b": 2, "a": 1}',
        rb'{"\x": NaN}',
    ],
)
def test_an_object_that_is_malformed_or_has_a_key_twice_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        members(text)


COUNTED_KEYS = {
    "at the top": (b'{"a":1,"b":2,"a":3}', '"a"'),
    "in an object": (b'{"a":{"b":1,"b":1}}', '"b"'),
    "in a list": (b'{"a":[{"b":1},{"b":1, "b" : 2}]}', '"b"'),
    "in another spelling": (b'{"a":1,"\\u0061":2}', '"a"'),
    "in another composition": ('{"\u00e9":1,"e\u0301":2}'.encode(), '"e\u0301"'),
    "that are empty": (b'{"":1,"":2}', '""'),
    "of escaped quotes": (rb'{"\"":1,"x":"\\","\"":2}', r'"\""'),
}


@pytest.mark.parametrize(("text", "key"), COUNTED_KEYS.values(), ids=COUNTED_KEYS)
def test_promise_07_a_key_that_comes_twice_is_refused_by_name(text: bytes, key: str) -> None:
    with pytest.raises(MalformedAnswer) as refused:
        refuse_duplicate_keys(text)
    assert refused.value.reason == f"the key {key} appears twice"
    assert not has_each_key_once(text, value(text))


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"7",
        b'{"a":{"a":{"a":1}}}',
        b'{"a":[{"b":1},{"b":1}]}',
        b'{"a":"b","b":"a"}',
        rb'{"a":"\":1,\"a\":2","A":"\\"}',
        b'{"a" :\n"b:","b"\t:1}',
        '{"é":1,"e":2}'.encode(),
    ],
)
def test_keys_that_differ_in_each_object_are_read(text: bytes) -> None:
    refuse_duplicate_keys(text)


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        (b"{}", True),
        (b'{"a":{"a":{"a":1}}}', True),
        (b'{"a":[{"b":1},[{"b":1}]]}', True),
        (b'{"a" :\n"b:","b"\t\r:1}', True),
        (b'{"a":":","b":1}', False),
        (rb'{"a":"\":"}', False),
        ('{"é":1}'.encode(), False),
        (b'{":a":1,":a":2}', False),
        (b'{"a":{"b":1},"a":{"b":1,"c":2}}', False),
    ],
)
def test_duplicate_keys_are_ruled_out_without_parsing_if_possible(text: bytes, is_plain: bool) -> None:
    assert has_each_key_once(text, value(text)) is is_plain


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"b":[2]}',
        b' {\n "a" : 1 ,\t"b": [2]\r\n}\n',
        b'\xef\xbb\xbf{"a":1,"b":[2]}',
    ],
)
def test_members_do_not_depend_on_white_space(text: bytes) -> None:
    assert members(text) == {"a": b"1", "b": b"[2]"}


def test_members_are_cut_out_even_if_their_key_is_repeated() -> None:
    text = b'{"a": 1, "b": 2, "a" :{"c":3}, "\\ud800": NaN}'
    assert cut_members(text) == [(b'"a"', b"1"), (b'"b"', b"2"), (b'"a"', b'{"c":3}'), (b'"\\ud800"', b"NaN")]
    assert cut_members(b"{}") == []


def test_promise_16_reading_ends_when_its_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("pipelines.extract.raw_json.time", SimpleNamespace(monotonic=lambda: next(clock)))
    body = b"[NaN" + b",1" * 100_000 + b"]"
    with read_within(5), pytest.raises(MalformedAnswer, match="reading the answer took longer than 5 s"):
        elements(body)
    assert len(elements(body)) == 100_001


def test_promise_16_a_value_of_more_than_eight_megabytes_is_not_interpreted() -> None:
    """Empty arrays take twenty times their text in memory."""
    with pytest.raises(MalformedAnswer, match="a value has 9 MB, more than the 8 MB allowed"):
        as_text(b"[" + b"[]," * (3 << 20) + b"[]]")
    assert as_text(b'"%s"' % (b"x" * ((8 << 20) - 2))) == "x" * ((8 << 20) - 2)


@pytest.mark.parametrize(("text", "count"), [(b"0", 0), (b'"12"', 12), (b"12", 12)])
def test_counts_come_as_numbers_or_digits(text: bytes, count: int) -> None:
    assert as_count(text, "TotalCount") == count


@pytest.mark.parametrize("text", [None, b"null", b"-1", b"1.0", b"true", b'"x"', b'""', b"[]", b'"\xd9\xa1"'])
def test_a_value_that_is_not_a_count_is_refused(text: bytes | None) -> None:
    with pytest.raises(MalformedAnswer, match="TotalCount should be an integer, not "):
        as_count(text, "TotalCount")


def test_a_value_of_any_type_has_a_text() -> None:
    assert [as_text(text) for text in (b'"a"', b"403", b"null", None, b'["a"]')] == [
        "a",
        "403",
        None,
        None,
        '["a"]',
    ]


def test_the_first_key_present_counts() -> None:
    assert first_of({"b": 1, "a": 2}, "a", "b") == 2
    assert first_of({"b": 1}, "a", "b") == 1
    assert first_of({"c": 1}, "a", "b") is None


def test_an_array_is_recognized_by_its_bracket() -> None:
    assert [is_list(text) for text in (b"[1]", b" \n[", b'{"a": []}', b"]", b"")] == [
        True,
        True,
        *[False] * 3,
    ]


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        (b"[" + b"[]," * 499_999 + b"[]]", False),
        (b"[" + b"[]," * 500_000 + b"[]]", True),
        (b"[" + b"[]," * 500_000 + b"NaN]", True),
        (b"[" + b"0," * 5_000_000 + b"0]", True),
    ],
    ids=["most", "more", "not strict", "many more"],
)
def test_promise_16_an_array_has_at_most_half_a_million_elements(text: bytes, is_refused: bool) -> None:
    """A larger one takes twenty times its text in memory."""
    if is_refused:
        with pytest.raises(MalformedAnswer, match="it has more than 500,000 elements or members"):
            elements(text)
    else:
        assert len(elements(text)) == 500_000


def test_promise_16_an_object_has_at_most_half_a_million_members() -> None:
    for value_of_last in (b"1", b"NaN"):
        text = b"{" + b"".join(b'"%d":1,' % number for number in range(500_000)) + b'"x":%s}' % value_of_last
        with pytest.raises(MalformedAnswer, match="it has more than 500,000 elements or members"):
            members(text)


@pytest.mark.parametrize("spelled", [b"%s", b'"%s"'], ids=["number", "string"])
def test_a_count_has_at_most_18_digits(spelled: bytes) -> None:
    assert as_count(spelled % (b"9" * 18), "total") == 10**18 - 1
    for digits in (19, 4300, 5000):
        with pytest.raises(MalformedAnswer):
            as_count(spelled % (b"9" * digits), "total")


@pytest.mark.parametrize(
    ("text", "shown"),
    [(b"7", "7"), (b" ", "nothing"), (b"7" * 40, "7" * 40), (b"7" * 41, "7" * 40 + "…")],
)
def test_a_long_value_that_is_not_an_array_is_shown_in_part(text: bytes, shown: str) -> None:
    with pytest.raises(MalformedAnswer) as refused:
        elements(text)
    assert refused.value.reason == f"expected an array, not {shown}"
