"""The queries of the page of questions on a large warehouse with a history, against answers in plain Python.

`make campaign-questions` plays 15 runs over 20,000 projects and 50,000 files. Projects are renamed, change
their status, go and return; a listing fails, and removals are held back. Each query of `docs/questions.md`
must then give what follows from the records that were served, as the queries on the page do for the demo.
"""

import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path

from click.testing import CliRunner

from pipelines.cli import main
from pipelines.sandbox import RILLSOFT_CLIENT_IDS, Fault, Record, RecordId, Sandbox, Store
from tests.docs.answers import ANSWERS, Answers, Row
from tests.docs.pages import page
from tests.docs.served import Served, records_of
from tests.support.home import FIRST_RUN, Home

RUNS = 15
FAILS = 4  # the number of the run in which Matter fails; Fone Dynamics fails in the last one
FULL = 7  # of the run that lists all files again
SHARE = 0.01  # of the projects of a listing that a day changes
HELD = 0.3  # of Belltastic's projects, which are missing in the last run
QUESTIONS = re.findall(r"^### (.*?)\n.*?```sql\n(.*?)```", page("questions.md"), re.M | re.S)
MATTER = ("PRJ_STATUS_COMPLETE", "PRJ_STATUS_ON_GOING", "PRJ_STATUS_PAUSED", "PRJ_STATUS_PROSPECT", "PRJ_ODD")
RILLSOFT = ("Abgeschlossen", "Geplant", "In Progress", "Zurückgestellt")


@dataclass
class Played:
    """The records that the runs were served, and what else `Answers` needs."""

    home: Home
    served: list[Served] = field(default_factory=list)
    stale: list[Row] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)


def play(directory: Path, sandbox: Sandbox, runs: int, seed: int = 1) -> Played:
    """Play the runs in a home in `directory`."""
    played, rng = Played(Home(directory)), random.Random(seed)
    played.home.connect_all(sandbox, max_retries=0)
    gone: dict[str, list[RecordId]] = {}
    for number in range(runs):
        if number:
            _change_all(sandbox, rng, gone, number)
        if number == runs - 1:
            listed = sandbox.store("belltastic").records()
            for record in rng.sample(listed, round(HELD * len(listed))):
                sandbox.store("belltastic").remove(record["id"])
        served = records_of(sandbox)
        if number == runs - 1:
            missing = _missing(played, served)
            served |= {"belltastic": [*served["belltastic"], *missing]}
            at = f"{FIRST_RUN + timedelta(days=number - 1):%Y-%m-%dT%H:%M:%SZ}"
            played.held = {f"belltastic:{record['id']}": at for record in missing}
        fails = {FAILS: "matter", runs - 1: "fone_dynamics"}.get(number)
        if fails:
            sandbox.faults.add(Fault(fails, times=None, status=503))
            served |= {fails: played.served[-1][fails]}
        played.home.run()
        sandbox.faults.clear()
        played.served.append(served)
    counts = {name: len(played.served[-1][name]) for name in ("belltastic", "fone_dynamics")}
    outcomes = {"belltastic": "held_back", "fone_dynamics": "failed"}
    played.stale = [(name, outcomes[name], at, count) for name, count in counts.items()]
    return played


def _missing(played: Played, served: Served) -> list[Record]:
    """The projects of Belltastic that were served in the run before and are not now."""
    listed = {record["id"] for record in served["belltastic"]}
    return [record for record in played.served[-1]["belltastic"] if record["id"] not in listed]


def _change_all(sandbox: Sandbox, rng: random.Random, gone: dict[str, list[RecordId]], number: int) -> None:
    """Change the providers' records for a day. Removals stay below the removal limit."""
    day = f"{FIRST_RUN + timedelta(days=number - 1):%Y-%m-%dT12:00:00+00:00}"
    for name, (store, id_field) in _stores(sandbox).items():
        for record in _some(store, rng):
            store.change(record[id_field], **_changed(name, record, rng, day))
        away = gone.setdefault(name, [])
        for record_id in rng.sample(away, len(away) // 3):
            away.remove(record_id)
            store.restore(record_id)
        for record in _some(store, rng):
            away.append(record[id_field])
            store.remove(record[id_field])
        store.add()
    files = sandbox.store("evovoice")
    for _ in range(20):
        files.add()
    for record in _some(files, rng) if number == FULL else ():
        files.remove(record["id"])


def _stores(sandbox: Sandbox) -> dict[str, tuple[Store, str]]:
    """Every listing of projects, with the field that holds the id."""
    return {
        "belltastic": (sandbox.store("belltastic"), "id"),
        "fone_dynamics": (sandbox.store("fone_dynamics"), "PropertySid"),
        "matter": (sandbox.store("matter"), "originId"),
        **{f"rillsoft:{client}": (sandbox.store("rillsoft", client), "id") for client in RILLSOFT_CLIENT_IDS},
    }


def _changed(name: str, record: Record, rng: random.Random, day: str) -> Record:
    """The fields to change in a project."""
    match name:
        case "belltastic":
            archived = {"deleted_at": None if record["deleted_at"] else day}
            return rng.choice((archived, {"name": f"Renamed on {day[:10]}"}))
        case "matter":
            return rng.choice(({"projectStatus": rng.choice(MATTER)}, {"name": f"{record['name']} II"}))
        case "fone_dynamics":
            return {"Active": not record["Active"]}
    return {"status": rng.choice(RILLSOFT)}


def _some(store: Store, rng: random.Random) -> list[Record]:
    ranks = rng.sample(range(len(store)), max(1, round(SHARE * len(store))))
    return [store.records(rank, rank + 1)[0] for rank in sorted(ranks)]


def differences(played: Played) -> Iterator[str]:
    """Ask each question; yields those whose answer differs, with the first row that does."""
    answers = Answers(played.served, played.stale, played.held)
    for title, sql in QUESTIONS:
        if title in ANSWERS:
            result = CliRunner().invoke(main, ["--home", str(played.home.path), "query", sql, "--json"])
            assert result.exit_code == 0, result.output
            found = [tuple(row.values()) for row in json.loads(result.stdout)]
            expected = ANSWERS[title](answers)
            for row, other in zip_longest(found, expected):
                if row != other:
                    yield f"{title}\n  the query: {row}\n  expected:  {other}\n"
                    break


def run() -> None:
    """Play the long form, and print what differs."""
    with tempfile.TemporaryDirectory() as directory, Sandbox(projects=4_000, files=50_000) as sandbox:
        played = play(Path(directory), sandbox, RUNS)
        found = list(differences(played))
        ((projects, versions),) = (
            tuple(row.values())
            for row in played.home.rows(
                "select (select count(*) from projects), (select count(*) from projects_history)"
            )
        )
    sys.stdout.write("".join(found))
    sys.stdout.write(
        f"{RUNS} runs, {projects} projects, {versions} versions: "
        f"{len(found)} of {len(ANSWERS)} answers differ\n"
    )
    raise SystemExit(bool(found))


if __name__ == "__main__":
    run()
