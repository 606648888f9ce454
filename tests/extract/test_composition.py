"""Combining marks: how many may be in a row, and how a text is composed."""

import sys
import unicodedata

import pytest

from pipelines.common.errors import MalformedAnswer
from pipelines.extract.composition import composed, has_few_marks


@pytest.mark.parametrize(
    ("text", "has_few"),
    [
        ('"' + "\\u0301" * 30 + '"', True),
        ('"' + "\\u0301" * 31 + '"', False),
        ('"a' + "\u0301" * 30 + '"', True),
        ('"a' + "\u0301" * 31 + '"', False),
        ('"é' + "\\u0301" * 30 + '"', False),
        ('"' + "é" * 40 + '"', True),
    ],
)
def test_long_runs_of_marks_are_ruled_out_without_parsing_if_possible(text: str, has_few: bool) -> None:
    assert has_few_marks(text.encode()) is has_few


def test_promise_16_marks_are_composed_up_to_thirty_in_a_row() -> None:
    assert composed("Cafe\u0301") == "Caf\u00e9"
    assert composed("\u2014" * 100) == "\u2014" * 100
    mixed = "a" + "\u0316\u0301" * 15
    assert composed(f"{mixed}b{mixed}") == unicodedata.normalize("NFC", f"{mixed}b{mixed}")
    with pytest.raises(MalformedAnswer, match="more than 30 combining marks"):
        composed(f"b{mixed}\u0301")


def test_promise_16_every_combining_mark_is_counted() -> None:
    """Three vowel signs of Tibetan are not marks, but each becomes two marks when it is decomposed."""
    decomposed = {chr(code): unicodedata.normalize("NFD", chr(code)) for code in range(sys.maxunicode + 1)}
    marks = [character for character, parts in decomposed.items() if unicodedata.combining(parts[0])]
    assert len(marks) > 800
    assert {"\u0f73", "\u0f75", "\u0f81"} <= set(marks)
    for mark in marks:
        with pytest.raises(MalformedAnswer):
            composed(mark * 31)
