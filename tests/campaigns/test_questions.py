"""The short form of the campaign that checks the page of questions on a warehouse with many runs."""

from pathlib import Path

import pytest

from pipelines.sandbox import Sandbox
from tests.campaigns.questions import FULL, differences, play


@pytest.mark.usefixtures("without_dlt")
def test_each_question_is_answered_from_what_was_served(tmp_path: Path) -> None:
    with Sandbox(seed=3, projects=40, files=300) as sandbox:
        played = play(tmp_path, sandbox, FULL + 2)
    assert list(differences(played)) == []
