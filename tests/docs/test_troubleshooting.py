"""The page of messages names every message, under the exit code that it ends with, and no others."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipelines.common import errors
from pipelines.transform.build import read_models
from tests.docs.pages import ROOT, page

SECTIONS = dict(
    re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", page("troubleshooting.md"), re.DOTALL | re.MULTILINE)
)
CODES = {"BadParameter": click.BadParameter.exit_code, "Unreadable": errors.MalformedAnswer.exit_code} | {
    name: kind.exit_code
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.SyncError)
}
# Messages with an exit code, or about an unverified listing, that are not errors of their own.
OTHERS = {1: {"internal error (…: …)"}, 3: {"its module failed: …: …"}}
IN_SQL = {"records are missing", "times with different content"}


def messages(heading: str) -> set[str]:
    """The messages in the first column of the tables of a section."""
    (section,) = (text for name, text in SECTIONS.items() if name.startswith(heading))
    cells = re.findall(r"^\| (`.*?`) \| ", section, re.MULTILINE)
    listed = [message for cell in cells for message in re.findall(r"`(.*?)`(?:<br>|$)", cell)]
    assert len(listed) == len(set(listed))
    return set(listed)


def template(node: ast.AST | None, scope: ast.AST) -> str:
    """The text that an expression makes, each part that varies as `…`; a name's is what it is first given."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(written)):
            return written.decode(errors="replace")
        case ast.JoinedStr(values=parts):
            return "".join(template(part, scope) for part in parts)
        case ast.Name(id=name):
            for found in ast.walk(scope):
                if isinstance(found, ast.Assign) and ast.unparse(found.targets[0]) == name:
                    return template(found.value, scope)
    return "…"


def functions() -> Iterator[ast.FunctionDef]:
    for path in sorted((ROOT / "pipelines").rglob("*.py")):
        if "sandbox" not in path.parts:
            tree = ast.parse(path.read_text())
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def errors_made(code: int) -> set[str]:
    """The templates of the errors that end with an exit code, of those that have words of their own."""
    calls = [(node, scope) for scope in functions() for node in ast.walk(scope) if isinstance(node, ast.Call)]
    made = {
        template(call.args[0], scope)
        for call, scope in calls
        if call.args and CODES.get(ast.unparse(call.func).rpartition(".")[2]) == code
    }
    return {text for text in made if re.search(r"\w", text)}


def unverified_reasons() -> set[str]:
    """The templates of the reasons why a listing is not verified."""
    messages = set()
    for scope in functions():
        if scope.name in {"_unverified_reasons", "reason_against_removals"}:
            for end in (node for node in ast.walk(scope) if isinstance(node, ast.Yield | ast.Return)):
                parts = (
                    (end.value.body, end.value.orelse) if isinstance(end.value, ast.IfExp) else (end.value,)
                )
                messages |= {
                    template(part, scope) for part in parts if isinstance(part, ast.Constant | ast.JoinedStr)
                }
    return messages - {"…"}


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5])
def test_every_message_is_listed_under_its_exit_code(code: int) -> None:
    expected = errors_made(code) | OTHERS.get(code, set())
    if code == 3:
        expected |= unverified_reasons() | IN_SQL
    assert messages(f"Exit code {code}") == expected


def test_the_notes_are_the_checks_that_warn() -> None:
    checks = read_models("checks", Path()).values()
    assert messages("Notes") == {check.description for check in checks if check.severity == "warning"}


def test_other_quoted_messages_exist() -> None:
    texts = [template(node, scope) for scope in functions() for node in ast.walk(scope)]
    named = messages("Lines that change no") | set().union(*OTHERS.values())
    assert [message for message in sorted(named) if not any(message in text for text in texts)] == []
    sql = "\n".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))
    assert [message for message in sorted(IN_SQL) if message not in sql] == []


def test_the_table_of_exit_codes_leads_to_the_sections() -> None:
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in SECTIONS}
    linked = dict(re.findall(r"^\| \[(\d)\]\(#(.*?)\)", page("troubleshooting.md"), re.MULTILINE))
    assert set(linked) == {"1", "2", "3", "4", "5"}
    assert {f"exit-code-{code}-" for code in linked} == {link[:12] for link in linked.values()}
    assert set(linked.values()) <= anchors
