"""The commands that the pages name within a sentence or a table exist, with all their options."""

import re
import shlex

import click
import pytest

from pipelines.cli import main
from tests.docs.pages import DOCS, ROOT

PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def inline_commands(text: str) -> list[str]:
    without_blocks = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return re.findall(r"`rollcall ([^`…]+)`", without_blocks)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_commands_that_the_pages_name_within_sentences_exist(path) -> None:
    for command in inline_commands(path.read_text()):
        verb, *arguments = shlex.split(command)
        found = main.get_command(click.Context(main), verb)
        assert found is not None, command
        if arguments:
            found.make_context(verb, arguments, parent=click.Context(main)).close()


def test_commands_in_the_docs_exist() -> None:
    assert sum(len(inline_commands(path.read_text())) for path in PAGES) > 20
