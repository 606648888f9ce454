"""Unicode composition of hostile text in linear time: Unicode's own method can take quadratic time."""

import re
import unicodedata

from pipelines.common.errors import MalformedAnswer

# Unicode's stream-safe format (UAX #15) has no more. Composing longer runs takes quadratic time.
MOST_MARKS = 30

_ASCII = bytes(range(128))
# No combining mark is a letter, a digit or a space; other matches are checked further.
_MARKS = re.compile(rf"[^\w\s\x00-\x7f]{{{MOST_MARKS + 1},}}")


def has_few_marks(text: bytes) -> bool:
    """Whether `composed` certainly accepts every string of a valid JSON text; False if uncertain."""
    if text.isascii():
        return text.count(b"\\u") <= MOST_MARKS
    if b"\\u" in text:
        return False
    # A mark takes at least two bytes, and none of them is ASCII.
    return len(text.translate(None, _ASCII)) <= 2 * MOST_MARKS or _MARKS.search(text.decode()) is None


def composed(text: str) -> str:
    """The text in Unicode's composed form (NFC).

    Raises MalformedAnswer if it has more than `MOST_MARKS` combining marks in a row.
    """
    if text.isascii():
        return text
    for found in _MARKS.finditer(text):
        marks = 0
        for character in found[0]:
            # Some vowel signs of Tibetan become marks only when they are decomposed.
            marks = marks + 1 if unicodedata.combining(unicodedata.normalize("NFD", character)[0]) else 0
            if marks > MOST_MARKS:
                raise MalformedAnswer(f"it has more than {MOST_MARKS} combining marks in a row")
    return unicodedata.normalize("NFC", text)
