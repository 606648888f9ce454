"""What a name that does not exist may have been meant to be."""

import difflib
from collections.abc import Collection


def nearest(name: str, known: Collection[str]) -> str:
    """A remedy: the few names nearest to `name`, or all there are where none is near."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"choose from {', '.join(sorted(known))}" if known else "there are none"
