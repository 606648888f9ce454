"""The parameters of a request for EvoVoice's files: filters, order and paging.

Like ServiceStack, it ignores the case of parameter names and of enumerated values. A range of dates includes
both ends. A search for text ignores case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipelines.sandbox.evovoice_files import CONTENT_TYPES, FIELDS, Casing
from pipelines.sandbox.store import Record

DEFAULT_COUNT = 25


class ParameterError(ValueError):
    """The value of the parameter `name` is invalid."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"'{value}' is not a value of {name}.")
        self.name = name


@dataclass(frozen=True)
class Selection:
    """Filters and order of files, by documented field names; an empty value or None does not filter."""

    one_of: tuple[tuple[str, frozenset[str]], ...] = ()
    contains: tuple[tuple[str, str], ...] = ()
    created_start: datetime | None = None
    created_end: datetime | None = None
    sort_field: str | None = None
    descending: bool = False

    def takes(self, file: Record, casing: Casing) -> bool:
        """Whether `file` passes every filter."""
        return (
            all(file.get(casing(field)) in values for field, values in self.one_of)
            and all(part in str(file.get(casing(field)) or "").casefold() for field, part in self.contains)
            and self._spans(str(file[casing("DateCreated")]))
        )

    def _spans(self, created: str) -> bool:
        if self.created_start is None and self.created_end is None:
            return True
        moment = datetime.fromisoformat(created)
        return (self.created_start is None or self.created_start <= moment) and (
            self.created_end is None or moment <= self.created_end
        )


@dataclass(frozen=True)
class Paging:
    """One page of the selected files; pages count from 0."""

    page: int = 0
    count: int = DEFAULT_COUNT
    everything: bool = False
    simplified: bool = False

    def bounds(self, total: int) -> slice:
        """The indexes of the page, out of `total`."""
        if self.everything:
            return slice(0, total)
        start = min(self.page * self.count, total)
        return slice(start, min(start + self.count, total))

    def pages(self, total: int) -> int:
        """The number of pages for `total` files."""
        return 1 if self.everything else -(-total // self.count)


def selection(parameters: Mapping[str, str]) -> Selection:
    """The selection for these parameters. Raises ParameterError if one is invalid."""
    asked = _Parameters(parameters)
    file_type = asked.choice("Type", CONTENT_TYPES)
    session_id = asked.text("SessionId")
    one_of = {
        "AccountId": asked.texts("AccountIds"),
        "CustomerId": asked.texts("CustomerIds"),
        "Id": asked.texts("SpecificIds"),
        "Type": {file_type} if file_type else set(),
        "UserId": {asked.text("UserId")} - {""},
    }
    contains = {
        "FileName": asked.text("FileName"),
        "ContentType": asked.text("ContentType"),
        "Transcription": asked.text("TranscriptionContains"),
        # A file has no field for its session; only its link shows it.
        "Uri": f"/{session_id}/" if session_id else "",
    }
    return Selection(
        one_of=tuple((field, frozenset(values)) for field, values in one_of.items() if values),
        contains=tuple((field, part.casefold()) for field, part in contains.items() if part),
        created_start=asked.moment("DateCreatedStart"),
        created_end=asked.moment("DateCreatedEnd"),
        sort_field=asked.choice("SortField", FIELDS),
        descending=asked.choice("SortOrder", ("Ascend", "Descend")) == "Descend",
    )


def paging(parameters: Mapping[str, str]) -> Paging:
    """The paging for these parameters. Raises ParameterError if one is invalid."""
    asked = _Parameters(parameters)
    return Paging(
        page=asked.number("Page", 0, least=0),
        count=asked.number("CountPerPage", DEFAULT_COUNT, least=1),
        everything=asked.flag("All"),
        simplified=asked.flag("SimplifiedPaging"),
    )


class _Parameters:
    """Parameters by name, parsed as their documented types."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._asked = {name.lower(): value for name, value in parameters.items()}

    def text(self, name: str) -> str:
        return self._asked.get(name.lower(), "")

    def texts(self, name: str) -> set[str]:
        return set(self.text(name).split(",")) - {""}

    def number(self, name: str, default: int, *, least: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or int(text) < least:
            raise ParameterError(name, text)
        return int(text)

    def flag(self, name: str) -> bool:
        return self.choice(name, ("true", "false")) == "true"

    def choice(self, name: str, options: Iterable[str]) -> str | None:
        text = self.text(name)
        if not text:
            return None
        for option in options:
            if option.lower() == text.lower():
                return option
        raise ParameterError(name, text)

    def moment(self, name: str) -> datetime | None:
        """A date or a time; it is in UTC if it has no offset."""
        text = self.text(name)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise ParameterError(name, text) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
