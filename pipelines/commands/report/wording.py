"""How the report writes numbers, times, names and values."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from shlex import quote
from typing import Final

from markupsafe import Markup, escape

from pipelines.commands.report.trend import DAY_MS
from pipelines.common.text import CONTROL_CHARACTERS

_SPELLED: Final = {"evovoice": "EvoVoice"}
_TITLES: Final = {
    "client_name": "Client",
    "starts_at": "Start",
    "finishes_at": "Finish",
    "owner_id": "Owner id",
    "client_id": "Client id",
    "is_archived": "Archived",
    "is_template": "Template",
    "is_default": "Default",
}


@dataclass(frozen=True)
class Times:
    """Times in a time zone, from milliseconds since 1970."""

    zone: tzinfo

    def day(self, at: int) -> str:
        """As 1 November 2026."""
        return f"{self._local(at).day} {self._local(at):%B %Y}"

    def short_day(self, at: int) -> str:
        """As 1 Nov 2026."""
        return f"{self._local(at).day} {self._local(at):%b %Y}"

    def minute(self, at: int) -> str:
        """As 1 Nov 2026, 02:30."""
        return f"{self.short_day(at)}, {self._local(at):%H:%M}"

    def value(self, text: str | None, column: str) -> Markup:
        """A value of a published column: a status spelled, a time to the minute or day, else as it is."""
        if text is None:
            return Markup("<i>none</i>")
        if text == "":
            return Markup("<i>empty</i>")
        if column == "status":
            return visible(word(text))
        if column.endswith("_at"):
            try:
                at = round(datetime.fromisoformat(text).timestamp() * 1000)
            except ValueError:
                return visible(text)
            return visible(self.short_day(at) if at % DAY_MS == 0 else self.minute(at))
        return visible({"true": "yes", "false": "no"}.get(text, text) if column.startswith("is_") else text)

    def _local(self, at: int) -> datetime:
        return datetime.fromtimestamp(at / 1000, self.zone)


def visible(text: str) -> Markup:
    """Text of a provider, safe in HTML. A control character is shown as its code point."""
    pieces = []
    end = 0
    for found in CONTROL_CHARACTERS.finditer(text):
        pieces += [escape(text[end : found.start()]), _code_point(found[0])]
        end = found.end()
    return Markup("<bdi>{}</bdi>").format(Markup().join([*pieces, escape(text[end:])]))


def _code_point(character: str) -> Markup:
    if character in "\t\n\r":
        return Markup(" ")
    return Markup('<span class="control">U+{:04X}</span>').format(ord(character))


def utc_day(day: int) -> str:
    """A day in UTC, as 1 Nov."""
    return f"{datetime.fromtimestamp(day / 1000, UTC):%-d %b}"


def iso(at: int) -> str:
    """In ISO 8601, to the second, in UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def number(value: int) -> str:
    """An integer with separated thousands."""
    return f"{value:,}"


def signed(value: int) -> str:
    """An integer with its sign, as +1,200, -3 (with a minus sign) or 0."""
    return f"{value:+,}".replace("-", "\N{MINUS SIGN}") if value else "0"


def seconds(value: float) -> str:
    """A duration, as 0.4 s, 1 min 15 s or 2 h 3 min."""
    if value < 0.1:
        return "under 0.1 s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def word(name: str) -> str:
    """A status, or another of our own names: on_hold is On hold."""
    return name.replace("_", " ").capitalize()


def title(column: str) -> str:
    """The title of a published column: finishes_at is Finish, created_at is Created."""
    return _TITLES.get(column) or word(column.removesuffix("_at"))


def spelled(provider: str) -> str:
    """The name of a provider: fone_dynamics is Fone Dynamics."""
    return _SPELLED.get(provider) or " ".join(part.capitalize() for part in provider.split("_"))


def quoted(argument: str) -> str:
    """An argument of a command, to be pasted into a shell."""
    return quote(argument)
