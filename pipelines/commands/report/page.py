"""The report as one HTML document. Every value is escaped; only its own script and style can run."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipelines.commands.report import charts, wording
from pipelines.commands.report.catalogue import compressed
from pipelines.commands.report.facts import Facts
from pipelines.commands.report.periods import KINDS, Period
from pipelines.commands.report.trend import DAY_MS
from pipelines.common.text import counted

_PARTS = Path(__file__).parent / "parts"
_SCRIPTS = ("data", "text", "search", "choice", "table", "projects", "clients", "start")
_FILTERS = ("number", "signed", "iso", "seconds", "word", "title", "spelled", "quoted", "visible")
SPARK_DAYS = 30
SHOWN_CLIENTS = 10


class Row(NamedTuple):
    """A provider: its projects by status, all of them, and the open ones."""

    provider: str
    numbers: tuple[int, ...]
    total: int
    open: int


class Titled(NamedTuple):
    """A period with its title, its name within a sentence, and its small line."""

    title: str
    phrase: str
    period: Period
    spark: charts.Spark


def render(facts: Facts) -> str:
    """Return the page."""
    times = wording.Times(ZoneInfo(facts.zone))
    style = (_PARTS / "page.css").read_text(encoding="utf-8")
    script = "\n".join((_PARTS / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n(async () => {{\n{script}}})();\n'
    environment = Environment(
        loader=FileSystemLoader(_PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({name: getattr(wording, name) for name in _FILTERS})
    environment.filters.update({"day": times.day, "short_day": times.short_day, "minute": times.minute})
    environment.filters["counted"] = counted
    environment.filters["utc_day"] = wording.utc_day
    environment.globals.update(
        value=times.value, label=_labels(facts), spelled=wording.spelled, word=wording.word
    )
    statuses, rows = _current(facts)
    periods = _titled(facts, times)
    return environment.get_template("page.html").render(
        facts=facts,
        run=facts.run,
        periods=periods,
        kinds={"created": "New", "removed": "Removed", "returned": "Returned", "changed": "Changed"},
        total=sum(row.total for row in rows),
        open=sum(row.open for row in rows),
        open_spark=charts.spark(_recent(facts.trend.growth_of_open), 0),
        statuses=statuses,
        rows=rows,
        clients=_first_clients(facts),
        picture=charts,
        **_charts(facts),
        policy=_policy(style, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        catalogue=_catalogue(facts, periods),
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _labels(facts: Facts) -> dict[str, str]:
    """Return the title of each connection: that of its provider, unless it has a name of its own."""
    return {
        connection.name: wording.spelled(connection.name)
        if connection.name == connection.provider
        else connection.name
        for connection in facts.connections
    }


def _titled(facts: Facts, times: wording.Times) -> list[Titled]:
    chosen = next(iter(facts.periods[-1].since.values()), facts.run.started_at)
    since = times.short_day(chosen) if chosen % DAY_MS == 0 else times.minute(chosen)
    default = chosen == facts.run.started_at // DAY_MS * DAY_MS - 29 * DAY_MS
    titles = (
        ("Last run", "in the last run of each connection", 1),
        ("Last 7 days", "in the last 7 days", 7),
        (
            "Last 30 days" if default else f"Since {since}",
            "in the last 30 days" if default else f"since {since}",
            max(1, (facts.run.started_at - chosen) // DAY_MS + 1),
        ),
    )
    growth = _recent(facts.trend.growth)
    return [
        Titled(title, phrase, period, charts.spark(growth, days))
        for (title, phrase, days), period in zip(titles, facts.periods, strict=True)
    ]


def _recent(growth: list[int]) -> list[int]:
    return growth[-SPARK_DAYS - 1 :]


def _current(facts: Facts) -> tuple[list[str], list[Row]]:
    """Return the statuses that projects have now, the most frequent first, and a row for each provider."""
    frequency: dict[str, int] = {}
    for count in facts.statuses:
        frequency[count.status] = frequency.get(count.status, 0) + count.projects
    statuses = sorted(frequency, key=lambda status: (-frequency[status], status))
    now = {(count.provider, count.status): count for count in facts.statuses}
    rows = []
    for provider in sorted({connection.provider for connection in facts.connections}):
        counts = [now.get((provider, status)) for status in statuses]
        numbers = tuple(count.projects if count else 0 for count in counts)
        rows.append(Row(provider, numbers, sum(numbers), sum(c.open_projects for c in counts if c)))
    return statuses, rows


def _charts(facts: Facts) -> dict[str, object]:
    trend = facts.trend
    days = charts.axis(trend.days, trend.runs, trend.missed)
    ran = {"": [day not in trend.missed for day in trend.days]}
    return {
        "axis": days,
        "happened": charts.bars(
            days, {"created": trend.created, "returned": trend.returned}, {"removed": trend.removed}
        ),
        "changed": charts.bars(days, {"changed": trend.changed}, {}),
        "by_provider": charts.lines(days, trend.open_growth, trend.fresh),
        "by_status": charts.lines(days, trend.status_growth, dict.fromkeys(trend.status_growth, ran[""])),
    }


def _first_clients(facts: Facts) -> list[dict[str, object]]:
    """Return the first rows of the table of clients, for a reader without scripts."""
    columns = {name: msgspec.json.decode(column) for name, column in facts.catalogue.clients.items()}
    names = columns["name"][:SHOWN_CLIENTS]
    return [{column: values[n] for column, values in columns.items()} for n in range(len(names))]


def _catalogue(facts: Facts, periods: Sequence[Titled]) -> str:
    found = facts.catalogue
    return compressed(
        {
            "run": facts.run.started_at,
            "zone": facts.zone,
            "kinds": KINDS,
            "periods": [
                {"name": titled.period.name, "title": titled.title, "since": titled.period.since}
                for titled in periods
            ],
            "connections": _labels(facts),
            "providers": {c.name: wording.spelled(c.provider) for c in facts.connections},
            "providerNames": {c.provider: wording.spelled(c.provider) for c in facts.connections},
            "fieldTitles": {column: wording.title(column) for column in found.fields},
            "columnTitles": _COLUMN_TITLES,
            "projects": found.projects,
            "fields": found.fields,
            "changes": found.changes,
            "clients": found.clients,
        }
    )


_COLUMN_TITLES = {
    column: wording.title(column)
    for column in ("client_name", "starts_at", "finishes_at", "is_archived", "is_template", "is_default")
}
