"""The store behaves like a plain list, except for what it refuses."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sandbox import Store
from pipelines.sandbox import store as store_module
from pipelines.sandbox.store import Population

COUNT = 6


def make(position: int) -> dict:
    return {"id": position + 1, "name": f"made {position}", "parts": [position]}


def new_store(count: int = COUNT) -> Store:
    return Store(Population("id", make, lambda record_id: record_id - 1), count)


class Listing:
    """What a store promises, in a list of all positions: `[record, is listed]`."""

    def __init__(self) -> None:
        self.places = [[make(position), True] for position in range(COUNT)]

    def find(self, record_id: int):
        return next((place for place in self.places if place[0] and place[0]["id"] == record_id), None)

    def add(self, _record_id: int) -> None:
        while self.find(len(self.places) + 1):
            self.places.append([None, False])
        self.places.append([make(len(self.places)), True])

    def put(self, record_id: int) -> None:
        place = self.find(record_id)
        if place is None:
            self.places.append([{"id": record_id, "name": "put"}, True])
        else:
            place[:] = [{"id": record_id, "name": "put"}, True]

    def change(self, record_id: int) -> None:
        place = self._place(record_id, is_listed=True)
        place[0] = place[0] | {"name": "changed"}

    def remove(self, record_id: int) -> None:
        self._place(record_id, is_listed=True)[1] = False

    def restore(self, record_id: int) -> None:
        self._place(record_id, is_listed=False)[1] = True

    def records(self) -> list[dict]:
        return [record for record, is_listed in self.places if is_listed]

    def _place(self, record_id: int, *, is_listed: bool):
        place = self.find(record_id)
        if place is None or place[1] != is_listed:
            raise KeyError(record_id)
        return place


ACTS = {
    "add": lambda store, _record_id: store.add(),
    "put": lambda store, record_id: store.put({"id": record_id, "name": "put"}),
    "change": lambda store, record_id: store.change(record_id, name="changed"),
    "remove": lambda store, record_id: store.remove(record_id),
    "restore": lambda store, record_id: store.restore(record_id),
}


def outcome(act, *arguments) -> type[Exception] | None:
    try:
        act(*arguments)
    except KeyError:
        return KeyError
    return None


@settings(derandomize=True, deadline=None)
@given(acts=st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(1, 12)), max_size=30))
def test_a_store_behaves_like_a_list(acts):
    store, listing = new_store(), Listing()
    for act, record_id in acts:
        refused = outcome(getattr(listing, act), record_id)
        assert outcome(ACTS[act], store, record_id) == refused
        expected = listing.records()
        assert store.records() == expected
        assert len(store) == len(expected)
        assert json.loads(bytes(store.page(1, 5))) == expected[1:5]
        assert [store.get(record_id) for record_id in range(1, 13)] == [
            next((record for record in expected if record["id"] == record_id), None)
            for record_id in range(1, 13)
        ]


def test_records_given_out_are_the_callers_own():
    store = new_store()
    store.change(1, name="changed")
    for record in (store.get(1), store.records()[0], store.get(2)):
        record["parts"].append("mine")
    assert store.records()[:2] == [make(0) | {"name": "changed"}, make(1)]


def test_an_id_cannot_be_changed():
    with pytest.raises(ValueError, match="id identifies the record"):
        new_store().change(1, id=2)


def test_a_record_needs_an_id():
    with pytest.raises(ValueError, match="id must be a string or an integer"):
        new_store().put({"name": "nobody"})


def test_revision_grows_with_each_change():
    store = new_store()
    revisions = [store.revision]
    for act in ("add", "put", "change", "remove", "restore"):
        ACTS[act](store, 3)
        revisions.append(store.revision)
    assert revisions == sorted(set(revisions))


def test_pages_beyond_the_cache_are_made_again(monkeypatch):
    monkeypatch.setattr(store_module, "PAGE_CACHE_BYTES", 0)
    store = new_store()
    assert json.loads(bytes(store.page(0, 2))) == [make(0), make(1)]
    assert json.loads(bytes(store.page(0, 2))) == [make(0), make(1)]


def test_a_million_records_are_made_only_when_requested():
    made = []

    def make_and_note(position: int) -> dict:
        made.append(position)
        return make(position)

    store = Store(Population("id", make_and_note, lambda record_id: record_id - 1), 1_000_000)
    store.remove(500_000)
    made.clear()
    assert json.loads(bytes(store.page(999_900, 1_000_000)))[-1] == make(999_999)
    assert made == list(range(999_901, 1_000_000))
