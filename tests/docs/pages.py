"""Reads the pages of `docs`: files with their names, commands, and what a command prints."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text()


def files(text: str) -> dict[str, str]:
    """The files that a page shows whole, by path: a block behind "`path`:" at the end of a line."""
    return dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL))


def commands(text: str) -> list[str]:
    """The lines of the blocks of shell commands, without comments and empty lines."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    lines = (line.split("  #")[0].strip() for line in blocks.splitlines())
    return [line for line in lines if line]


def shown(text: str) -> list[tuple[list[str], str]]:
    """The commands of Rollcall that a page shows with what they print: their arguments, and that text."""
    found = re.findall(r"```\n\$ rollcall (.*?)\n(.*?)```", text, re.DOTALL)
    return [(shlex.split(command), printed) for command, printed in found]


def unpadded(text: str) -> str:
    """`text` without spaces at the ends of its lines and empty lines at its end."""
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"
