"""What counts as JSON, and how values are cut out of it."""

from decimal import Decimal

import pytest

from pipelines.errors import Malformed
from pipelines.strict_json import as_text, elements, first_of, is_list, members, value, whole_number


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
        b"[" * 5000 + rb'{"]\"": "\\"}' + b"]" * 5000,
    ],
    ids=["nan", "infinity", "high", "low", "tab", "deep"],
)
def test_a_bad_value_is_told_from_its_neighbours(bad: bytes) -> None:
    assert elements(b'[{"id": 1}, {"id": 2, "x": %s}, {"id": 3}]' % bad) == (
        b'{"id": 1}',
        b'{"id": 2, "x": %s}' % bad,
        b'{"id": 3}',
    )
    assert members(b'{"a": {"b": %s}, "c" : [1]}' % bad) == {"a": b'{"b": %s}' % bad, "c": b"[1]"}
    with pytest.raises(Malformed):
        value(bad)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"[1, 2",
        b"[[1]",
        b"[NaN, [1]",
        b"[1,]",
        b"[NaN,]",
        b"[1,,NaN]",
        b"[NaN 1]",
        b"[NaN] x",
        b"[01]",
        b"[1] x",
        b"[tru]",
        b"{}",
        b"null",
        b'"[]"',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 99_999,
        b"[" * 100_000 + b"]",
        b"[1" + b"0" * 5000 + b"]]",
    ],
)
def test_what_is_no_array_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
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
    ],
)
def test_what_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        members(text)


@pytest.mark.parametrize(("text", "count"), [(b"0", 0), (b'"12"', 12), (b"12", 12)])
def test_counts_come_as_numbers_or_digits(text: bytes, count: int) -> None:
    assert whole_number(text, "TotalCount") == count


@pytest.mark.parametrize("text", [None, b"null", b"-1", b"1.0", b"true", b'"x"', b'""', b"[]", b'"\xd9\xa1"'])
def test_what_is_no_count_is_refused(text: bytes | None) -> None:
    with pytest.raises(Malformed, match="TotalCount should be a whole number, not "):
        whole_number(text, "TotalCount")


def test_texts() -> None:
    assert [as_text(text) for text in (b'"a"', b"403", b"null", None, b'["a"]')] == [
        "a",
        "403",
        None,
        None,
        '["a"]',
    ]


def test_the_first_key_that_is_there_counts() -> None:
    assert first_of({"b": 1, "a": 2}, "a", "b") == 2
    assert first_of({"b": 1}, "a", "b") == 1
    assert first_of({"c": 1}, "a", "b") is None


def test_an_array_is_told_by_its_bracket() -> None:
    assert [is_list(text) for text in (b"[1]", b" \n[", b'{"a": []}', b"]", b"")] == [
        True,
        True,
        *[False] * 3,
    ]


def test_a_count_has_at_most_18_digits_where_it_is_a_text() -> None:
    assert whole_number(b'"%s"' % (b"9" * 18), "total") == 10**18 - 1
    with pytest.raises(Malformed, match="total should be a whole number"):
        whole_number(b'"%s"' % (b"9" * 19), "total")


@pytest.mark.parametrize(
    ("text", "shown"),
    [(b"7", "7"), (b" ", "nothing"), (b"7" * 40, "7" * 40), (b"7" * 41, "7" * 40 + "…")],
)
def test_what_is_no_array_is_shown_in_part(text: bytes, shown: str) -> None:
    with pytest.raises(Malformed) as refused:
        elements(text)
    assert refused.value.reason == f"expected an array, not {shown}"
