"""Text of messages: control characters that are safe to show, and numbers with what they count."""

import re

# Control characters of ASCII and of Latin-1, those that change the direction of writing, and line separators.
CONTROL_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def printable(text: str, keep: str = "") -> str:
    r"""Return `text` with each control character written like `\x1b`, except those in `keep`."""
    return CONTROL_CHARACTERS.sub(lambda found: found[0] if found[0] in keep else _spelled(found[0]), text)


def counted(number: int, one: str, many: str = "") -> str:
    """Return `number` and what it counts, in the plural if needed: 1 row, 2,000 rows."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
