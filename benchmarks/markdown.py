"""Tables and numbers of the generated pages."""

from collections.abc import Iterable, Sequence


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def seconds(number: float) -> str:
    """A duration."""
    return f"{number:.2f} s" if number < 100 else f"{number:,.0f} s"


def part(share: float | None) -> str:
    """A share in percent."""
    return "" if share is None else f"{share:.0%}"
