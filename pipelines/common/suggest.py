"""Suggestions for a name that does not exist."""

import difflib
from collections.abc import Collection


def nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a remedy: the names most similar to `name`; if none is similar, `otherwise` or all names."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if otherwise:
        return otherwise
    return f"choose from {', '.join(sorted(known))}" if known else "there are none"
