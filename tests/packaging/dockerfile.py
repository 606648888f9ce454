"""Reads the Dockerfile: its stages, and the parts of their instructions."""

import re
from dataclasses import dataclass, field

from tests.packaging.tree import ROOT


@dataclass(frozen=True)
class Stage:
    """One image: what it begins from, its name if it has one, and its instructions in order."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        """What each instruction of a kind says."""
        return [text for word, text in self.instructions if word == keyword]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it sets."""
        return dict(pair.split("=", 1) for text in self.all("ENV") for pair in text.split())


def stages() -> list[Stage]:
    """The stages of the Dockerfile, in order."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: list[Stage] = []
    for line in filter(None, re.sub(r"\\\n\s*", " ", text).splitlines()):
        keyword, text = line.split(" ", 1)
        if keyword == "FROM":
            base, _, name = text.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].instructions.append((keyword, text.strip()))
    return found
