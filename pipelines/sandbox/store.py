"""The records of one listing: generated on demand, with changes, additions and removals applied."""

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Record: TypeAlias = dict[str, Json]
RecordId: TypeAlias = str | int

PAGE_CACHE_BYTES = 128 * 2**20


def json_object(text: bytes | msgspec.Raw) -> Record:
    """The object in the JSON `text`. Raises msgspec.DecodeError if it is not an object."""
    return msgspec.json.decode(text, type=dict)


@dataclass(frozen=True)
class Population:
    """How the records of a listing are generated: `make(position)`, and its inverse `locate(id)`.

    `locate` may return a position whose record has another id: the store compares.
    """

    id_field: str
    make: Callable[[int], Record]
    locate: Callable[[RecordId], int | None]


class Store:
    """Records in the order in which they are listed; new ones come last.

    A record's position never changes: removing a record leaves it empty, and restoring fills it again.
    Returned records belong to the caller. `revision` rises with each change. All methods may be called from
    any thread.
    """

    def __init__(self, population: Population, count: int) -> None:
        self.revision = 0
        self._population = population
        self._size = count
        self._rewritten: dict[int, bytes] = {}
        self._placed: dict[RecordId, int] = {}
        self._removed: list[int] = []
        self._pages: dict[tuple[int, int], bytes] = {}
        self._page_bytes = 0
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._size - len(self._removed)

    def records(self, start: int = 0, stop: int | None = None) -> list[Record]:
        """The listed records, or those from `start` up to `stop` of the listing."""
        with self._lock:
            return [self.at(position) for position in self._positions(start, stop)]

    def get(self, record_id: RecordId, /) -> Record | None:
        """The record, or None if it is not listed."""
        with self._lock:
            position = self._position(record_id)
            return None if position is None or self._is_removed(position) else self.at(position)

    def add(self) -> Record:
        """Add a record, generated like the others, and return it."""
        with self._lock:
            while self._population.make(self._size)[self._population.id_field] in self._placed:
                # `put` already used this id; its position stays empty.
                self._removed.append(self._size)
                self._size += 1
            self._size += 1
            self._touch()
            return self.at(self._size - 1)

    def put(self, record: Record, /) -> Record:
        """Add `record` unchanged: in place of the one with its id, listed or removed, else at the end."""
        record_id = record.get(self._population.id_field)
        if not isinstance(record_id, str | int):
            raise ValueError(f"{self._population.id_field} must be a string or an integer")
        with self._lock:
            position = self._position(record_id)
            if position is None:
                position = self._placed[record_id] = self._size
                self._size += 1
            self._list_again(position)
            return self._rewrite(position, record)

    def change(self, record_id: RecordId, /, **fields: Json) -> Record:
        """Set `fields` of a listed record. Raises KeyError if it is not listed."""
        if self._population.id_field in fields:
            raise ValueError(f"{self._population.id_field} identifies the record and cannot be changed")
        with self._lock:
            position = self._listed(record_id)
            return self._rewrite(position, self.at(position) | fields)

    def remove(self, record_id: RecordId, /) -> None:
        """Remove the record. Raises KeyError if it is not listed."""
        with self._lock:
            insort(self._removed, self._listed(record_id))
            self._touch()

    def restore(self, record_id: RecordId, /) -> Record:
        """Put a removed record back, unchanged and at its position. Raises KeyError if there is none."""
        with self._lock:
            position = self._position(record_id)
            if position is None or not self._is_removed(position):
                raise KeyError(record_id)
            self._list_again(position)
            self._touch()
            return self.at(position)

    def encoded(self, start: int, stop: int) -> bytes:
        """The records from `start` up to `stop` of the listing as JSON, with commas but no brackets."""
        with self._lock:
            page = self._pages.get((start, stop))
            if page is None:
                page = b",".join(map(self._text, self._positions(start, stop)))
                # Keep the first pages: a listing longer than the cache would evict each page of an LRU
                # cache before its reuse.
                if self._page_bytes + len(page) <= PAGE_CACHE_BYTES:
                    self._pages[start, stop] = page
                    self._page_bytes += len(page)
            return page

    def page(self, start: int, stop: int) -> msgspec.Raw:
        """The same as a JSON array."""
        return msgspec.Raw(b"[" + self.encoded(start, stop) + b"]")

    def at(self, position: int) -> Record:
        """The record at a position, also if it is not listed."""
        text = self._rewritten.get(position)
        if text is None:
            return self._population.make(position)
        return json_object(text)

    def listed_positions(self, among: Iterable[int]) -> Iterator[int]:
        """The positions `among` these that hold listed records."""
        return (position for position in among if not self._is_removed(position))

    def rewritten_positions(self) -> Iterable[int]:
        """The positions whose records differ from the generated ones."""
        return tuple(self._rewritten)

    @property
    def size(self) -> int:
        """The number of positions, including those of removed records."""
        return self._size

    def _positions(self, start: int, stop: int | None) -> Iterable[int]:
        stop = len(self) if stop is None else min(stop, len(self))
        if not self._removed:
            return range(start, stop)
        return map(self._position_of_rank, range(start, stop))

    def _position_of_rank(self, rank: int) -> int:
        """The position of the listed record number `rank`: that, plus the positions removed before it."""
        before = bisect_right(
            range(len(self._removed)), rank, key=lambda nth_removed: self._removed[nth_removed] - nth_removed
        )
        return rank + before

    def _position(self, record_id: RecordId) -> int | None:
        if record_id in self._placed:
            return self._placed[record_id]
        position = self._population.locate(record_id)
        if position is None or not 0 <= position < self._size:
            return None
        return position if self.at(position)[self._population.id_field] == record_id else None

    def _listed(self, record_id: RecordId) -> int:
        position = self._position(record_id)
        if position is None or self._is_removed(position):
            raise KeyError(record_id)
        return position

    def _is_removed(self, position: int) -> bool:
        nth = bisect_left(self._removed, position)
        return nth < len(self._removed) and self._removed[nth] == position

    def _list_again(self, position: int) -> None:
        if self._is_removed(position):
            del self._removed[bisect_left(self._removed, position)]

    def _rewrite(self, position: int, record: Mapping[str, Json]) -> Record:
        # Stored as text, so that no caller can change it.
        self._rewritten[position] = msgspec.json.encode(record)
        self._touch()
        return self.at(position)

    def _text(self, position: int) -> bytes:
        return self._rewritten.get(position) or msgspec.json.encode(self._population.make(position))

    def _touch(self) -> None:
        self.revision += 1
        self._pages.clear()
        self._page_bytes = 0
