"""Reproducible random values, and identifiers that can be mapped back to their position.

Records are generated on demand and not stored. So each is a pure function of the seed and its position, and
the position can be computed from an identifier without a table.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The sandbox's present: all that exists at the start was made before it. The wall clock plays no part."""

_Option = TypeVar("_Option")

_NUMBERS = 2**48
_STRIDE = 0x5DEECE66D
"""Odd, hence invertible modulo a power of two."""
_UNSTRIDE = pow(_STRIDE, -1, _NUMBERS)
_FILLING = 0xD1342543DE82EF95A3B195354A39B70D


def in_utc(moment: datetime, timespec: str = "seconds") -> str:
    """`moment`, a time in UTC, in ISO 8601 without an offset."""
    return moment.replace(tzinfo=None).isoformat(timespec=timespec)


class Draw:
    """A finite sequence of random values (384 bits); the same key gives the same sequence."""

    def __init__(self, *key: str | int) -> None:
        self._left = int.from_bytes(blake2b(repr(key).encode(), digest_size=48).digest(), "big")

    def below(self, limit: int) -> int:
        """A number from 0 to `limit - 1`."""
        self._left, value = divmod(self._left, limit)
        return value

    def pick(self, options: Sequence[_Option]) -> _Option:
        """One of `options`."""
        self._left, index = divmod(self._left, len(options))
        return options[index]

    def one_in(self, times: int) -> bool:
        """True once in `times` draws."""
        self._left, value = divmod(self._left, times)
        return value == 0


class Numbering:
    """A one-to-one mapping of positions to numbers of twelve hexadecimal digits; each key has its own."""

    def __init__(self, *key: str | int) -> None:
        self._offset = int.from_bytes(blake2b(repr(key).encode(), digest_size=6).digest(), "big")

    def digits(self, position: int, length: int) -> str:
        """An identifier of `length` (13 to 44) lower-case hexadecimal digits; neighbours look unrelated."""
        number = (position * _STRIDE + self._offset) % _NUMBERS
        lead = length - 12
        return f"{(number + 1) * _FILLING % 16**lead:0{lead}x}{number:012x}"

    def uuid(self, position: int) -> str:
        """An identifier in the form of a UUID of version 4."""
        digits = self.digits(position, 32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def position(self, identifier: object) -> int | None:
        """The position of `identifier`, or None if it does not end in twelve hexadecimal digits.

        Reads only the last twelve digits: the caller compares the whole identifier.
        """
        if not isinstance(identifier, str):
            return None
        try:
            number = int(identifier[-12:], 16)
        except ValueError:
            return None
        return (number - self._offset) * _UNSTRIDE % _NUMBERS


def secret(seed: int, purpose: str) -> str:
    """A credential for `purpose`, of 32 hexadecimal digits; it depends on the seed."""
    return blake2b(f"{seed} {purpose}".encode(), digest_size=16).hexdigest()
