"""Messages, help, docstrings, comments and pages use standard English terms.

`INSTEAD` lists words with a better standard term. `CHECKED` lists the files and folders.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

# What to avoid, as a regular expression, and what to write instead.
INSTEAD = {
    r"anew": "again",
    r"beside": "next to, compared with",
    r"whatever": "regardless of, any",
    r"(was|were|be|is|are|until|unless|nobody is) told": "is notified, is given",
    r"\w*ever received of": "everything received about",
    r"lest": "so that … not",
    r"mend(s|ed|ing)?": "fix",
    r"parted by": "separated by",
    r"rights to": "permission for",
    r"truth values?": "boolean",
    r"unproven|proven": "verified, unverified",
    r"watch(man|men)": "deadline thread",
    r"whole or not at all": "complete or not at all",
    r"whole numbers?": "integer",
    r"(?<![Tt]here )(is|are|was|were) no [A-Z]\w+": "is not a …",
    r"stand-ins?": "simulated provider",
    r"stands? (in|there|beside|below|among)": "is in",
    r"takes? along": "includes",
    r"tells? what": "describes",
    r"to be (explored|filled in|mailed|searched)": "for you to …",
    r"whoever": "anyone who",
    r"with nothing but": "with only",
    r"for good": "permanently",
    r"nights? (before|after)": "previous run",
}
CHECKED = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "Makefile",
    "Dockerfile",
    "compose.yaml",
    ".dlt",
    ".github",
    "docs",
    "sql",
    "pipelines",
    "benchmarks",
    "examples",
    "notebooks",
    "tests",
]
SUFFIXES = {".md", ".py", ".sql", ".toml", ".yaml", ".yml"}


def files() -> list[Path]:
    """Every file to check, except this one and what the benchmarks install in their scratch directory."""
    found = [path for name in CHECKED for path in (sorted((ROOT / name).rglob("*.*")) or [ROOT / name])]
    scratch = ROOT / "benchmarks" / "scratch"
    ours = (path for path in found if not path.is_relative_to(scratch) and path != Path(__file__))
    return [path for path in ours if path.suffix in SUFFIXES or path.name in {"Dockerfile", "Makefile"}]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Each text in a file with its line: prose of a page, strings and comments of Python, other comments."""
    source = path.read_text()
    match path.suffix:
        case ".md":
            yield (
                1,
                re.sub(
                    r"```.*?```|`[^`\n]*`", lambda code: "\n" * code[0].count("\n"), source, flags=re.DOTALL
                ),
            )
        case ".py":
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.lineno, node.value
            for token in tokenize.generate_tokens(io.StringIO(source).readline):
                if token.type == tokenize.COMMENT:
                    yield token.start[0], token.string
        case suffix:
            sign = "--" if suffix == ".sql" else "#"
            yield from ((number, line) for number, line in enumerate(source.splitlines(), 1) if sign in line)


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_standard_terms_are_used(path: Path) -> None:
    found = [
        f"line {line + text.count(chr(10), 0, match.start())}: {match[0]!r}: write {better!r}"
        for line, text in texts(path)
        for word, better in INSTEAD.items()
        for match in re.finditer(rf"\b(?:{word})\b", text)
    ]
    assert not found, "\n".join(found)


def test_the_files_and_folders_exist() -> None:
    assert [name for name in CHECKED if not (ROOT / name).exists()] == []


def test_a_word_to_avoid_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Fine.\n\n```\nlest\n```\n\nOrder the rows, lest they move.\n")
    ((_, prose),) = texts(page)
    assert re.findall(r"\blest\b", prose) == ["lest"]
