"""Suggestions for a name that does not exist."""

import difflib
from collections.abc import Collection

ALIKE = 0.7  # how similar names are that may be meant
SHORTEST_PART = 3  # characters of a part of a name that may be meant


def nearest(name: str, known: Collection[str], otherwise: str = "", most: int = 3) -> str:
    """Return a remedy: up to `most` names similar to `name`; if there are none, `otherwise` or all names."""
    near = difflib.get_close_matches(name, known, n=most, cutoff=ALIKE)
    near += sorted(one for one in known if one not in near and _is_part(name, one))
    if near:
        return f"did you mean {' or '.join(near[:most])}?"
    if otherwise:
        return otherwise
    return f"choose from {', '.join(sorted(known))}" if known else "there are none"


def _is_part(name: str, other: str) -> bool:
    shorter, longer = sorted((name, other), key=len)
    return len(shorter) >= SHORTEST_PART and shorter in longer
