"""The report as a page: every value escaped; its script and style, known by their hashes, and no other."""

import base64
import functools
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from pipelines.commands.report import charts
from pipelines.commands.report.facts import Facts
from pipelines.commands.report.periods import Period

_FOLDER = Path(__file__).parent
_DAY_MS = 24 * 60 * 60 * 1000
_LONG_AXIS_MS = 300 * _DAY_MS
_SPELLED = {"evovoice": "EvoVoice"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# What a browser may take for the end of a script element.
_SCRIPT_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}


class Row(NamedTuple):
    """A row of the table of providers and statuses: its numbers, and their sum."""

    name: str
    numbers: tuple[int, ...]
    total: int


def page(facts: Facts) -> str:
    """The page, a whole HTML document."""
    style, script = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    times = sorted({count.run for count in facts.counts} | {facts.run.started})
    by_provider = charts.stacked(times, [(c.run, c.provider, c.projects) for c in facts.counts])
    by_status = charts.stacked(times, [(c.run, c.status, c.projects) for c in facts.counts])
    statuses, rows = _now(facts)
    return _template().render(
        facts=facts,
        total=sum(row.total for row in rows),
        periods=_titled(facts),
        charts=(("provider", by_provider, spelled), ("status", by_status, word)),
        picture=charts,
        axis=_axis(times),
        statuses=statuses,
        rows=rows,
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        catalogue=Markup(_catalogue(facts)),  # noqa: S704 - escaped for a script element
    )


@functools.cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: tuple[Callable[..., str], ...] = (
        number,
        counted,
        day,
        minute,
        iso,
        seconds,
        spelled,
        word,
        readable,
        quoted,
    )
    environment.filters.update({function.__name__: function for function in filters})
    return environment.get_template("page.html")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _catalogue(facts: Facts) -> str:
    last_runs = {connection.name: connection.last_attempt for connection in facts.connections}
    begins = [last_runs.get(name) for name, _ in facts.catalogue.connections]
    told = {
        # When each period begins for each connection of the catalogue.
        "periods": [
            (title, begins if period.since is None else [period.since] * len(begins))
            for title, _, period in _titled(facts)
        ],
        "providers": {connection.provider: spelled(connection.provider) for connection in facts.connections},
        "catalogue": facts.catalogue,
    }
    return msgspec.json.encode(told).decode().translate(_SCRIPT_ESCAPES)


def _titled(facts: Facts) -> list[tuple[str, str, Period]]:
    """The periods, each with what it is called, and that in the middle of a sentence."""
    begun = facts.periods[-1].since
    assert begun is not None  # only the first period is of each connection's own
    since = day(begun) if begun % _DAY_MS == 0 else minute(begun)
    titles = ("Last run of each connection", "Last 7 days", f"Since {since}")
    phrases = ("in the last run of any connection", "in the last 7 days", f"since {since}")
    return list(zip(titles, phrases, facts.periods, strict=True))


def _now(facts: Facts) -> tuple[list[str], list[Row]]:
    """The statuses that projects have now, the most frequent first, and a row for each provider."""
    now = {(c.provider, c.status): c.projects for c in facts.counts if c.run == facts.run.started}
    frequency: dict[str, int] = {}
    for (_, status), projects in now.items():
        frequency[status] = frequency.get(status, 0) + projects
    statuses = sorted(frequency, key=lambda status: (-frequency[status], status))
    rows = []
    for name in sorted({connection.provider for connection in facts.connections}):
        numbers = tuple(now.get((name, status), 0) for status in statuses)
        rows.append(Row(name, numbers, sum(numbers)))
    return statuses, rows


def _axis(times: list[int]) -> Callable[[int], str]:
    """How a time is written below a chart of `times`."""
    if times[0] // _DAY_MS == times[-1] // _DAY_MS:
        return lambda at: f"{_utc(at):%H:%M}"
    if times[-1] - times[0] > _LONG_AXIS_MS:
        return lambda at: f"{_utc(at):%b %Y}"
    return lambda at: f"{_utc(at).day} {_utc(at):%b}"


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def number(value: int) -> str:
    """A whole number, its thousands parted."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """A number and what it counts."""
    return f"{value:,} {one if value == 1 else many or f'{one}s'}"


def day(at: int) -> str:
    """As 1 November 2026."""
    return f"{_utc(at).day} {_utc(at):%B %Y}"


def minute(at: int) -> str:
    """As 1 Nov 2026, 02:30."""
    return f"{_utc(at).day} {_utc(at):%b %Y, %H:%M}"


def iso(at: int) -> str:
    """In ISO 8601, to the second."""
    return f"{_utc(at):%Y-%m-%dT%H:%M:%SZ}"


def readable(text: str, column: str) -> str:
    """A value of a published column for a reader: a status spelled, a time to the minute, else as it is."""
    if column == "status":
        return word(text)
    return minute(_milliseconds(text)) if column.endswith("_at") and _TIME.fullmatch(text) else text


def quoted(word: str) -> str:
    """A word of a command to be pasted into a shell."""
    return quote(word)


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def seconds(value: float) -> str:
    """How long something took, to the precision that matters."""
    if value < 0.1:
        return "under 0.1 s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def word(name: str) -> str:
    """A name of ours for a reader: on_hold is On hold."""
    return name.replace("_", " ").capitalize()


def spelled(name: str) -> str:
    """A provider's name for a reader: fone_dynamics is Fone Dynamics."""
    return _SPELLED.get(name) or " ".join(part.capitalize() for part in name.split("_"))
