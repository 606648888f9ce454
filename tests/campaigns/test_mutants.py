"""The mutation tests name tests that exist."""

import re

from tests.campaigns import mutants


def test_the_files_and_tests_named_by_the_mutants_exist() -> None:
    files = [file for file in mutants.SUBJECTS if not (mutants.ROOT / file).exists()]
    named = {test for tests in mutants.SUBJECTS.values() for test in tests}
    tests = {test for test in named if test.startswith("tests/")}  # others are options of pytest
    missing = []
    for test in sorted(tests):
        path, _, name = test.partition("::")
        text = (mutants.ROOT / path).read_text() if (mutants.ROOT / path).exists() else ""
        if not re.search(rf"^def {name.partition('[')[0]}", text, re.MULTILINE):
            missing.append(test)
    assert (files, missing) == ([], [])
