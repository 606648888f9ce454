"""Mutants of the code that verifies, merges and publishes: the tests of a file must detect each small fault.

Operators of cosmic-ray mutate Python, and the replacements below mutate SQL. If a file has more than
`--each` mutants, a sample is played, the same one each time. The mutants run in a copy of the tree, and
their tests in a fork of a process that has imported the libraries. Survivors are shown as a diff.

A mutant whose tests last three times as long as without it is killed. The tests of a file are listed with the
quick ones first: the first that fails ends a mutant.
"""

import argparse
import contextlib
import difflib
import importlib
import itertools
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    *("click", "dlt", "dlt.destinations", "duckdb", "fsspec.implementations.local", "msgspec", "pendulum"),
    *("pyarrow.parquet", "pytest", "requests", "rich.console", "sqlglot"),
    *("tenacity", "tzlocal.windows_tz", "uvicorn"),
)
LEAST_TIMEOUT_S = 10.0
MOST_UNMUTATED_S = 600.0

WINDOW = "tests/providers/test_evovoice.py::test_a_window_gives_the_same_whether_or_not_it_holds_its_start"
GOLDEN = "tests/transform/test_golden.py"
LANDINGS = ["tests/load/test_landing.py", "tests/load/test_verification.py"]
RUNS = [
    "tests/load/test_landing.py",
    "tests/campaigns/test_histories.py::test_a_run_again_changes_nothing",
    "tests/load/test_removal_limit.py",
    "tests/load/test_verification.py",
    "tests/commands/test_seven_runs.py",
]
UPDATE = [
    f"tests/transform/test_update.py::{test}"
    for test in (
        "test_an_update_builds_only_the_affected_projects",
        "test_files_of_other_customers_are_not_read",
        "test_an_update_builds_only_the_affected_customers",
        "test_projects_that_an_earlier_build_covered_are_not_affected",
        "test_an_update_is_a_build_if_that_costs_no_more",
        "test_an_update_is_a_build_with_the_same_views_if_too_much_is_affected",
        "test_an_update_is_a_build_if_models_seeds_or_time_zones_differ",
        "test_an_update_gives_what_a_build_gives",
    )
]
MODELS = ["tests/transform/test_build.py", "tests/transform/test_checks.py", *UPDATE]
REFUSED = "tests/warehouse/test_publication.py::test_a_check_that_finds_rows_stops_the_publication"
CHECKS = ["tests/transform/test_checks.py"]
FIELDS = ["tests/commands/setup/test_fields.py", *CHECKS]
FORGET = ["tests/commands/test_forget.py"]
FORGOTTEN = [
    f"tests/commands/test_forget.py::{test}"
    for test in (
        "test_a_record_that_may_be_of_an_erased_project_is_not_kept",
        "test_a_project_of_one_rillsoft_client_is_erased_without_the_other",
        "test_a_customer_is_erased_with_its_files",
        "test_a_file_that_has_moved_stays_with_its_new_customer",
        "test_the_shape_of_its_history_stays",
        "test_forgetting_again_changes_nothing",
        "test_quarantined_records_are_erased",
        "test_a_file_only_in_quarantine_is_erased_with_its_customer",
        "test_an_unreadable_file_may_belong_to_an_erased_customer",
        "test_a_pseudonym_cannot_be_tried_without_the_warehouse",
        "test_a_project_that_was_only_quarantined_can_be_erased",
        "test_messages_that_may_name_an_erased_project_are_erased",
    )
]
RECORDED = ["tests/providers/test_settings.py", "tests/providers/test_recorded.py"]
SUBJECTS = {
    "pipelines/extract/records.py": ["tests/extract/test_records.py", "tests/campaigns/test_reading.py"],
    "pipelines/extract/raw_json.py": ["tests/extract/test_raw_json.py"],
    "pipelines/extract/composition.py": ["tests/extract/test_composition.py"],
    "pipelines/extract/compression.py": ["tests/extract/test_compression.py"],
    "pipelines/extract/listing.py": ["tests/campaigns/test_drift.py", "tests/load/test_verification.py"],
    "pipelines/load/landing.py": [*LANDINGS, "tests/extract/test_configuration.py", WINDOW],
    "pipelines/load/listings.py": [*LANDINGS, "tests/extract/test_configuration.py", WINDOW],
    "pipelines/load/plan.py": [GOLDEN, *RUNS],
    "pipelines/load/windows.py": [GOLDEN, WINDOW, *RUNS],
    "pipelines/extract/deadline.py": ["tests/extract/test_deadline.py"],
    "pipelines/providers/belltastic.py": ["tests/providers/test_belltastic.py", *RECORDED],
    "pipelines/providers/evovoice.py": [*RECORDED, "tests/providers/test_evovoice.py"],
    "pipelines/providers/fone_dynamics.py": ["tests/providers/test_fone_dynamics.py", *RECORDED],
    "pipelines/providers/matter.py": ["tests/providers/test_matter.py", *RECORDED],
    "pipelines/providers/rillsoft.py": ["tests/providers/test_rillsoft.py", *RECORDED],
    "pipelines/extract/provider.py": [
        "tests/providers/test_matter.py",
        "tests/extract/test_configuration.py",
        "tests/providers/test_toy_provider.py",
    ],
    **{
        f"pipelines/extract/{module}.py": [
            "tests/extract/test_client.py",
            "tests/extract/test_deadline.py",
            "tests/providers/test_evovoice.py",
        ]
        for module in ("answers", "client", "sign_in")
    },
    "pipelines/transform/seeds.py": ["tests/transform/test_seeds.py"],
    "pipelines/common/limits.py": ["tests/cli/test_bounds.py", "tests/cli/test_reading.py"],
    **{
        f"pipelines/warehouse/{module}.py": [
            "tests/warehouse/test_warehouse.py",
            "tests/warehouse/test_restore.py",
            "tests/docs/test_upgrading.py",
        ]
        for module in ("draft", "fingerprint", "inspection", "lock", "publish")
    },
    "pipelines/warehouse/runs.py": [GOLDEN, *RUNS],
    "pipelines/transform/facts.py": [*FORGOTTEN, *CHECKS],
    "pipelines/transform/incremental.py": UPDATE,
    "pipelines/transform/build.py": [*MODELS, REFUSED],
    "pipelines/transform/graph.py": MODELS,
    "pipelines/commands/restore.py": ["tests/warehouse/test_restore.py"],
    "pipelines/load/merge.py": [GOLDEN, *RUNS],
    "pipelines/commands/forget.py": FORGET,
    "pipelines/commands/sync.py": [
        "tests/commands/test_sync.py",
        "tests/providers/test_evovoice.py",
        "tests/warehouse/test_publication.py",
        *RUNS[2:],
    ],
    "sql/merge/1_received.sql": [GOLDEN, WINDOW, *RUNS, *FORGOTTEN],
    "sql/merge/2_classified.sql": [GOLDEN, WINDOW, *RUNS, *FORGOTTEN],
    "sql/merge/3_counted.sql": [*RUNS, WINDOW],
    "sql/merge/4_outcomes.sql": [
        *RUNS,
        WINDOW,
    ],
    "sql/merge/5_records.sql": RUNS,
    "sql/merge/6_listings.sql": RUNS,
    "sql/raw.sql": [*RUNS, *FORGOTTEN],
    "sql/forget.sql": FORGOTTEN,
    "sql/queries/load/known_records.sql": [GOLDEN, *RUNS],
    "sql/queries/load/has_local_times.sql": [GOLDEN, WINDOW, *RUNS],
    "sql/queries/load/last_full_listing.sql": [GOLDEN, WINDOW, *RUNS],
    **{
        f"sql/queries/forget/{path.name}": FORGET
        for path in sorted((ROOT / "sql" / "queries" / "forget").glob("*.sql"))
    },
    "sql/incremental/1_records.sql": UPDATE,
    "sql/incremental/2_versions.sql": UPDATE,
    "sql/incremental/3_keys.sql": UPDATE,
    **{
        f"sql/checks/{path.name}": [*CHECKS, "-k", f"sound or {path.stem}"]
        for path in sorted((ROOT / "sql" / "checks").glob("*.sql"))
        if not path.name.startswith("fields_")
    },
    "sql/checks/fields_never_seen_before.sql": FIELDS,
    "sql/checks/fields_that_vanished.sql": FIELDS,
}
# A few arithmetic operators are enough: there is hardly any arithmetic. `==` is equivalent to `is` here.
OPERATORS = re.compile(
    "AddNot|AndWith|OrWith|TrueWith|FalseWith|BreakWith|ContinueWith|Number|Zero|Decorator|Exception"
    "|Comparison(?!.*_(Is_Eq|Eq_Is|IsNot_NotEq|NotEq_IsNot)$)"
    "|Binary.*_(Add_Sub|Sub_Add|Mul_Add|BitAnd_BitOr)$"
)
# Python does not read types or `frozen` at run time; the first element of a list of one is also its last.
SAME = re.compile(r"^-.*(\| None|->)|^\+.*(frozen=False|\[ -1\])", re.MULTILINE)
# The text that is found, and its replacement.
SQL = (
    (r"is not distinct from", "="),
    (r" <> ", " = "),
    (r"(?<![<>]) = ", " <> "),
    (r" < ", " <= "),
    (r" > ", " >= "),
    (r" > ", " < "),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bbool_and\(", "bool_or("),
    (r"\bgreatest\(", "least("),
    (r"\bunion all\b", "union"),
    (r"\bunion\b(?! all)", "union all"),
    (r"\bcoalesce\(", "nullif("),
    (r"\bleft join\b", "inner join"),
    (r"\bis null\b", "is not null"),
    (r"\bis not null\b", "is null"),
    (r"\bnot (?=in|exists|is_|has_)", ""),
    (r"\band\b", "or"),
    (r"\bor\b", "and"),
    (r"\bdistinct\b(?! from)", ""),
    (r"(?<=\n)    and [^\n]*\n", ""),
    (r"\bwhere [^\n;]*(?=\n[^ ]|;)", ""),
    (r"\bnull\b(?= as| else|\n)", "1"),
    (r"\border by [^\n;]*", ""),
)


def mutants(path: Path) -> Iterator[str]:
    """Every other text of a file that differs by one fault."""
    text = path.read_text()
    yield from _of_sql(text) if path.suffix == ".sql" else _of_python(text)


def _of_sql(text: str) -> Iterator[str]:
    for pattern, other in SQL:
        for found in re.finditer(pattern, text):
            before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
            if "--" not in before and before.count("'") % 2 == 0:  # neither a comment nor a string
                yield text[: found.start()] + other + text[found.end() :]


def _of_python(text: str) -> Iterator[str]:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    for name in filter(OPERATORS.search, operator_names()):
        for occurrence in itertools.count():
            try:
                mutant = mutate_code(text, get_operator(name)(), occurrence)
            except AttributeError:
                continue  # it cannot replace an exception that is named with its module
            if mutant is None:
                break
            if not SAME.search(difference(text, mutant)):
                yield mutant


def difference(text: str, mutant: str) -> str:
    """The lines that differ, as a diff."""
    lines = difflib.unified_diff(text.splitlines(), mutant.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")))


def survives(tree: Path, tests: list[str], seconds: float) -> bool:
    """Whether all tests pass in the tree, in this time."""
    child = os.fork()
    if not child:
        _run(tree, tests)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, 9)
    os.waitpid(child, 0)
    return False


def _run(tree: Path, tests: list[str]) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(tree)
        sys.path.insert(0, str(tree))
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "pipelines")]:
            del sys.modules[name]
        os.environ["HISTORIES"] = "40"
        with Path(os.environ.get("MUTANTS_LOG", os.devnull)).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        import pytest

        code = int(pytest.main(["-x", "-n", "0", "-p", "no:cacheprovider", *tests]))
        sys.stdout.flush()
    finally:
        os._exit(code)


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of the files that the tests need."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        for name in ("pipelines", "sql", "tests", "docs", ".dlt", ".ci"):
            if (ROOT / name).exists():
                shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ROOT.glob("*.*"):
            if path.is_file():
                shutil.copy(path, tree)
        yield tree


def play(tree: Path, name: str, each: int) -> None:
    """Play the mutants of one file, and print each that survives, and the count of them."""
    text = (tree / name).read_text()
    found = sorted(set(mutants(tree / name)) - {text})
    sample = random.Random(name).sample(found, min(each, len(found)))
    unmutated = _seconds_unmutated(tree, name)
    began, survivors = time.monotonic(), 0
    for mutant in sample:
        (tree / name).write_text(mutant)
        if survives(tree, SUBJECTS[name], max(LEAST_TIMEOUT_S, 3 * unmutated)):
            survivors += 1
            sys.stdout.write(f"{difference(text, mutant)}\n")
            sys.stdout.flush()
    (tree / name).write_text(text)
    killed, seconds = len(sample) - survivors, time.monotonic() - began
    sys.stdout.write(
        f"{name}: {len(found)} mutants, {len(sample)} played, {killed} killed, in {seconds:.0f} s\n"
    )
    sys.stdout.flush()


def _seconds_unmutated(tree: Path, name: str) -> float:
    """What the tests of a file take. They leave the bytecode of what they import, but for the file itself."""
    sys.dont_write_bytecode = False
    began = time.monotonic()
    if not survives(tree, SUBJECTS[name], MOST_UNMUTATED_S):
        sys.exit(f"{name}: its tests fail without a mutant")
    seconds = time.monotonic() - began
    sys.dont_write_bytecode = True  # Python would take two mutants of the same second and size for one
    for compiled in (tree / name).parent.glob(f"__pycache__/{Path(name).stem}.*"):
        compiled.unlink()
    return seconds


def main() -> None:
    """Play the mutants of the files whose names hold one of the words given, or of all."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--each", type=int, default=30)
    given = parser.parse_args()
    for library in LIBRARIES:
        importlib.import_module(library)
    with copied() as tree:
        for name in SUBJECTS:
            if not given.words or any(word in name for word in given.words):
                play(tree, name, given.each)


if __name__ == "__main__":
    main()
