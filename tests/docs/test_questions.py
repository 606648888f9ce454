"""The page of questions: each query answers as shown, and as computed from what was served."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.docs.answers import ANSWERS, Answers
from tests.docs.conftest import PlayedDemo
from tests.docs.pages import page, unpadded

QUESTIONS = re.findall(r"^### (.*?)\n.*?```sql\n(.*?)```\n\n```\n(.*?)```", page("questions.md"), re.M | re.S)
MOST_LINES = 12
pytestmark = pytest.mark.xdist_group("demo_by_day")  # which is played once


def rollcall(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["--home", str(home), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="session")
def answers(played_demo: PlayedDemo) -> Answers:
    return Answers(played_demo.served)


def test_there_are_thirty_questions_and_each_has_an_answer() -> None:
    titles = [title for title, _, _ in QUESTIONS]
    assert titles == re.findall(r"^### (.*)", page("questions.md"), re.M)
    assert len(titles) == 32
    assert set(titles) - set(ANSWERS) == {"How long do runs take, and how much do they read?"}


@pytest.mark.parametrize(("title", "sql", "shown"), QUESTIONS, ids=[title for title, _, _ in QUESTIONS])
def test_a_question_is_answered(
    played_demo: PlayedDemo, answers: Answers, title: str, sql: str, shown: str
) -> None:
    assert sql.count("\n") <= MOST_LINES
    assert unpadded(rollcall(played_demo.home, "query", sql)) == shown
    if title in ANSWERS:
        found = json.loads(rollcall(played_demo.home, "query", sql, "--json"))
        assert [tuple(row.values()) for row in found] == ANSWERS[title](answers)
