"""A case of a fault, and what cases are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.extract.faults.hostile import LIST, Exchange, Fault, Reply, at, json_reply, put

ALL = ("fone_dynamics", "matter", "rillsoft", "evovoice", "belltastic")
PAGED = ("fone_dynamics", "matter", "evovoice")
UNPAGED = ("rillsoft", "belltastic")
ID = {
    "fone_dynamics": "PropertySid",
    "matter": "originId",
    "rillsoft": "id",
    "evovoice": "id",
    "belltastic": "id",
}
NAME = {
    "fone_dynamics": "Name",
    "matter": "name",
    "rillsoft": "name",
    "evovoice": "fileName",
    "belltastic": "name",
}
PATH = {
    "fone_dynamics": "Properties",
    "matter": "projects/get",
    "rillsoft": "clients/11/projects",
    "evovoice": "files",
    "belltastic": "projects",
}
EXPECTED = dict.fromkeys(ALL, "an object") | {"belltastic": "an array"}
CHECK_SETTINGS = "check the settings of {connection} in .dlt/config.toml, or ask the provider"
RECORDS = 12
MANY = 60


@dataclass(frozen=True)
class Case:
    """A fault, and the listing that it must lead to.

    `message` may name `{path}`, `{connection}`, `{base_url}` and `{expected}`, and end in `…` for any ending.
    `counts` are those of the listing that are not zero; where they do not say, all that is known is
    unchanged, or nothing is where the listing failed. `requests` counts GETs; None is any number.
    `certificate` is the one that the server shows.
    """

    fault: Fault | None
    outcome: str = "failed"
    message: str | None = None
    of: tuple[str, ...] = ALL
    counts: Mapping[str, int] = field(default_factory=dict)
    requests: int | None = None
    retries: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    known: int = RECORDS
    certificate: str = "good"

    @property
    def is_timed(self) -> bool:
        """Whether it depends on time how many requests reach the server."""
        return "timeout_s" in self.settings


def on_page(page: int, fault: Fault) -> Fault:
    """The fault on one page, and good answers on the others."""
    return lambda asked: fault(asked) if asked.page == page else asked.good()


def first(times: int, fault: Fault) -> Fault:
    """The fault for that many requests, and good answers after them."""
    return lambda asked: fault(asked) if asked.number <= times else asked.good()


def always(reply: Reply) -> Fault:
    return lambda _: reply


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return always(Reply(body, code, {"Content-Type": "application/json"} | named))


def records(edit: Callable[[str, list[Any]], object]) -> Fault:
    """Good answers whose list of records is what `edit` makes of it, given the provider's name."""

    def answer(asked: Exchange) -> Reply:
        body, place = asked.json(), LIST[asked.provider]
        return json_reply(put(body, place, edit(asked.provider, at(body, place))))

    return answer


def first_record(edit: Callable[[str, dict[str, Any]], object]) -> Fault:
    """Good answers, but for the very first record."""
    return on_page(1, records(lambda provider, found: [edit(provider, found[0]), *found[1:]]))


def raw_name(text: bytes) -> Fault:
    """Good answers, but the first record's name is this text, JSON or not."""

    def edit(provider: str, record: dict[str, Any]) -> object:
        return record | {NAME[provider]: "RAW"}

    def answer(asked: Exchange) -> Reply:
        reply = first_record(edit)(asked)
        assert reply is not None
        return Reply(reply.body.replace(b'"RAW"', text), headers=reply.headers)

    return answer
