"""Suggestions for a name that does not exist."""

import difflib
from collections.abc import Collection


def nearest(name: str, known: Collection[str], otherwise: str = "", most: int = 3) -> str:
    """Return a remedy: up to `most` names similar to `name`; if there are none, `otherwise` or all names."""
    near = difflib.get_close_matches(name, known, n=most, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if otherwise:
        return otherwise
    return f"choose from {', '.join(sorted(known))}" if known else "there are none"
