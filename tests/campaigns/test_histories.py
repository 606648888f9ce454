"""Promises 4, 8 to 14: in every history, the facts and the published tables are those of the model.

`make campaign-history` plays HISTORIES=10000 histories and publishes after every run; the suite plays 200 and
publishes after every third.
"""

import functools
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from pipelines.load.landing import Landing, land
from pipelines.load.listings import RECORDS, Listings
from pipelines.transform import incremental as affected
from tests.campaigns.histories import PROVIDERS, History, histories
from tests.campaigns.model import Rows, Variation
from tests.campaigns.play import Land, World, land_directly

CAMPAIGN = "HISTORIES" in os.environ
HISTORIES = int(os.environ.get("HISTORIES") or 200)
SIDE_BY_SIDE = min(HISTORIES, 1000)
EACH = 5 if CAMPAIGN else 2
RUNS = 12 if CAMPAIGN else 6
PUBLISHED_EVERY = 1 if CAMPAIGN else 3

PLAIN = Variation(spelling=0, faults=("none",))
VARIATIONS = {
    "order and size of pages, order of connections": Variation(
        page_size=5, shuffled=True, backwards=True, spelling=0, faults=("none",)
    ),
    "order of keys, white space, spelling of numbers": Variation(spelling=2, faults=("none",)),
    "records that come twice, listings that are read again": Variation(
        spelling=0, faults=("repeated", "moved")
    ),
    "all of these at once": Variation(
        page_size=5, shuffled=True, backwards=True, spelling=2, faults=("repeated", "moved")
    ),
}
if not CAMPAIGN:
    VARIATIONS = dict([VARIATIONS.popitem()])


def draw(number: int, use: Callable[[History], object]) -> None:
    """Have hypothesis draw as many histories as are played side by side; the same for the same number."""

    @seed(number)
    @settings(
        max_examples=SIDE_BY_SIDE,
        phases=(Phase.generate, Phase.shrink),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def each(history: History) -> None:
        use(history)

    each()


@functools.cache
def drawn(number: int) -> list[History]:
    """Distinct histories, the longest first."""
    found: dict[History, None] = {}
    draw(number, found.setdefault)
    return sorted(found, key=lambda history: -len(history.runs))


def wrong(world: World) -> set[History]:
    """Play all runs. Returns the histories that differ between model and warehouse after any of them."""
    differing: set[History] = set()
    for number, _ in enumerate(world.runs(), 1):
        if number % PUBLISHED_EVERY == 0:
            world.publish()
            assert world.rewritten() == []
            differing |= world.differing()
    world.publish()
    differing |= world.differing()
    assert world.rebuilt().tables() == world.tables()
    return differing


@pytest.fixture(scope="module")
def few() -> list[History]:
    """The longest of some histories, as many of each provider."""
    longest = [History(history.provider, history.runs[:RUNS]) for history in drawn(0)]
    each = ([one for one in longest if one.provider == provider][:EACH] for provider in PROVIDERS)
    return [history for histories in zip(*each, strict=True) for history in histories]


@pytest.mark.parametrize("number", range(-(-HISTORIES // SIDE_BY_SIDE)))
def test_the_history_is_that_of_the_model(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affected, "FEW_VERSIONS", 0)  # so that the published tables are updated, not rebuilt
    monkeypatch.setattr(affected, "MOST_AFFECTED", 1.0)
    world = World(drawn(number))
    differing = wrong(world)
    shrinking = []

    def alone(history: History) -> None:
        if history in differing or shrinking:  # from here, hypothesis looks for a simpler example
            shrinking.append(history)
            assert wrong(World([history])) == set()

    if differing:
        draw(number, alone)
        pytest.fail(f"these differ only if others are played with them: {differing}")
    outcomes = Counter(outcome for played in world.played for _, _, outcome, *_ in played.outcomes)
    assert min(outcomes[outcome] for outcome in ("verified", "unverified", "held_back", "failed")) > 10
    changes = world.rows("select change, end_reason from projects_history group by all")
    ends = ("changed", "removed", None)
    assert set(changes) == {(change, end) for change in ("created", "changed", "returned") for end in ends}
    for rare in ("window_start is not null", "repeated > 0", "quarantined > 0"):
        assert len(world.rows(f"from raw.listings where {rare}")) > 10


def test_histories_landed_by_dlt_are_those_of_the_model(few: list[History]) -> None:
    world = World([History(history.provider, history.runs[:3]) for history in few[:4]], land=land)
    for _ in world.runs():
        pass
    world.publish()
    assert world.differing() == set()


def landed(histories: list[History], scratch: Path, through: Land) -> Rows:
    """The columns and the rows that the last of all runs leaves in the landing."""
    rows: Rows = []

    def land_and_look(listings: Listings, scratch: Path) -> Landing:
        landing = through(listings, scratch)
        files = f"'{landing.folder}/received/records/*.parquet'"
        columns = ", ".join(RECORDS.names)
        rows[:] = [row[:2] for row in duckdb.sql(f"describe from {files}").fetchall()]
        rows.extend(duckdb.sql(f"select {columns} from {files} order by all").fetchall())
        return landing

    for _ in World(histories, land=land_and_look).runs():
        pass
    return rows


def test_the_direct_landing_has_the_form_of_dlts(few: list[History], tmp_path: Path) -> None:
    runs = [History(history.provider, history.runs[:2]) for history in few]
    assert landed(runs, tmp_path, land_directly) == landed(runs, tmp_path, land)


def test_a_run_again_changes_nothing(few: list[History]) -> None:
    world = World(few)
    lasting = "select * exclude (payload, last_seen_at, refreshed_at) from raw.records"
    for again in world.runs():
        before = world.rows(lasting)
        again()
        assert world.rows(lasting) == before
    world.publish()
    assert world.differing() == set()


@pytest.fixture(scope="module")
def plain(few: list[History]) -> World:
    return played(few, PLAIN)


def played(histories: list[History], variation: Variation) -> World:
    world = World(histories, variation)
    for _ in world.runs():
        pass
    world.publish()
    return world


@pytest.mark.parametrize("variation", VARIATIONS)
def test_promise_13_variations_without_a_change_change_nothing(
    variation: str, few: list[History], plain: World
) -> None:
    other = played(few, VARIATIONS[variation])
    assert other.differing() == set()
    assert other.tables() == plain.tables()
