"""Two readers of one text: Python and DuckDB must read the same values from a record.

Records are drawn from a grammar of unusual JSON, and damaged at random. `read_record` reads each in its
exact and in its fast mode: both must accept the same, and refuse the same for the same reasons. Python's own
decoder reads it with `Decimal` for every number, and DuckDB reads it as the staging models do. Timestamps
and pages are drawn too: two timestamps with one hash must be equal in SQL, and a bad byte must affect only
its record.

`make campaign-reading` runs for SECONDS=600, and then measures how time grows with size.
"""

import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines.extract.composition import MOST_MARKS, composed
from pipelines.extract.raw_json import BYTE_ORDER_MARK, elements
from pipelines.extract.records import Record, canonical, read_record
from pipelines.providers.rillsoft import PROVIDER

BATCH = 500
FUNCTIONS = Path(__file__).parents[2] / "sql" / "functions"
# A volatile field, and one in either composition.
DROPPED = ("lockUserName", "é")
NUMBERS = (
    *(
        "0",
        "-0",
        "0.0",
        "0e20",
        "-0.0E-7",
        "1",
        "1.0",
        "1e0",
        "100e-2",
        "-1.50",
        "0.1",
        "1e22",
        "1e23",
        "1e400",
    ),
    *(
        "5e-324",
        "0e-400",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
    ),
    *("-9223372036854775809", "123456789012345678901234567890.123456789"),
)
NOT_NUMBERS = (
    *(
        "1e999999999999999999999",
        "1E-999999999999999999999",
        "1e18446744073709551616",
        "1e-400",
        "00",
        "01",
        "+1",
        ".5",
    ),
    *("1.", "1e", "0x10", "NaN", "Infinity", "-Infinity", "nan", "1_000", "1e5.0", "True", "nul"),
)
IDS = ("1", "1", "1", "7", "12", '"x"', '"é"', "0", "-0", "18446744073709551616", "1.0", "null", '""')
LETTERS = (
    *"aB éß İ中😀/~$.[]{}*'-:,\u0301\u0316\u00a0\u200b\u202e\ufeff\ufffe\x7f\u0085\u2028",
    *("~0", "~1", "[0]", "e\u0301", "\u0f73"),
)
ESCAPES = (r"\"", r"\\", r"\/", r"\n", r"\u0000", r"\u0041", r"\u00e9", r"\u0301", r"\ud83d\ude00")
NOT_ESCAPES = (r"\ud800", r"\udc00x", r"\u12", r"\x41", r"\U0041", "\\", "\t", "\n", "\x00", "\x1f")
KEYS = (
    *(
        "id",
        "name",
        "Name",
        "ID",
        "",
        "a",
        "é",
        "e\u0301",
        "a.b",
        "$",
        "a/b",
        "~",
        "x~1y",
        "*",
        "'",
        "_dlt_id",
        "lockUserName",
    ),
    *(r"\u0061", r"\""),
)
DAYS = ("2026-01-01", "2026-02-30", "0001-01-01", "9999-12-31", "0000-01-01")
TIMES = ("00:00:00", "01:00:00", "23:59:59", "24:00:00", "00:00:60")
DECIMALS = ("", "", ".0", ".5", ".50", "." + "0" * 30, ".1234567", ".12345670", "." + "9" * 40)
OFFSETS = (
    "00:00",
    "0000",
    "01:00",
    "0100",
    "00:60",
    "01",
    "18:00",
    "17:60",
    "18:59",
    "19:00",
    "23:00",
    "99:99",
)
SPACES = ("", "", "", " ", "\n", "\t ", "\r\n")
NOT_SPACES = ("\u00a0", "\x0b", "//", "\ufeff", ",")

# As the staging models do: one member by its path, and all members as columns.
BY_POINTER = """
select
    json_extract_string(payload::json, pointer),
    json_type(payload::json, pointer),
from (select unnest($1::text[]) as payload, unnest($2::text[]) as pointer)
"""
BY_COLUMN = """
select
    fields.id, json_type(payload::json, '/id'),
    fields.name, json_type(payload::json, '/name'),
from (
    select payload, from_json(payload::json, '{"id": "VARCHAR", "name": "VARCHAR"}') as fields,
    from (select unnest($1::text[]) as payload)
)
"""


BY_MACRO = """
select cast(staging.parse_timestamp(text) as text), cast(staging.parse_local_timestamp(text, 'UTC') as text)
from (select unnest($1::text[]) as text)
"""


class Text(NamedTuple):
    """A record that was accepted: what was sent, and what Python's own decoder reads of it."""

    sent: bytes
    record: Record
    content: object


@dataclass
class Found:
    """What a run of the campaign counted, and every difference that it met."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


def drawn(rng: random.Random) -> bytes:
    """A record, most of the time an object with an id; every fifth is broken somewhere."""
    if rng.random() < 0.01:
        # About as deep as the remaining stack, in the member that decoders drop.
        levels = sys.getrecursionlimit() - rng.randrange(100)
        return b'{"id":1,"a":' + b"[" * levels + b"]" * levels + b',"a":1}'
    text = _object(rng, 0, first=f'"id":{rng.choice(IDS)}')
    body = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.01:
        return BYTE_ORDER_MARK + body
    return _broken(rng, body) if rng.random() < 0.2 else body


def _either(rng: random.Random, usual: Sequence[str], odd: Sequence[str]) -> str:
    """A usual value, and once in fifty times an unusual one, which no record may contain."""
    return rng.choice(odd if rng.random() < 0.02 else usual)


def _value(rng: random.Random, depth: int) -> str:
    kind = rng.random()
    if kind < 0.6 or depth > 4:
        return _scalar(rng)
    if kind < 0.8:
        return "[" + ",".join(_spaced(rng, _value(rng, depth + 1)) for _ in range(rng.randrange(4))) + "]"
    if kind < 0.805:
        levels = rng.choice((150, 199, 250, 1200))
        return "[" * levels + "]" * levels
    return _object(rng, depth + 1)


def _scalar(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.2:
        return rng.choice(("null", "true", "false"))
    if kind < 0.6:
        return _either(rng, NUMBERS, NOT_NUMBERS)
    return f'"{_moment(rng) if kind < 0.65 else _letters(rng)}"'


def _moment(rng: random.Random) -> str:
    """A timestamp, or what looks like one. There are few, so that many name the same instant."""
    zone = rng.choice(("Z", "z", *[rng.choice("+-") + offset for offset in OFFSETS]))
    return rng.choice(DAYS) + rng.choice("Tt ") + rng.choice(TIMES) + rng.choice(DECIMALS) + zone


def _letters(rng: random.Random) -> str:
    if rng.random() < 0.03:
        return "a" + rng.choice(("\u0301\u0316", "\u0f73", r"\u0316")) * rng.choice((10, 15, 31, 200))
    escapes = rng.random() < 0.2
    return "".join(
        _either(rng, ESCAPES, NOT_ESCAPES) if escapes else rng.choice(LETTERS)
        for _ in range(rng.randrange(6))
    )


def _object(rng: random.Random, depth: int, first: str = "") -> str:
    twice = rng.random() < 0.03
    keys = [rng.choice(KEYS) for _ in range(rng.randrange(5))]
    members = [
        f'"{key}"{_spaced(rng, ":")}{_value(rng, depth)}' for key in (keys if twice else dict.fromkeys(keys))
    ]
    if first:
        members = [first, *(member for member in members if twice or not member.startswith('"id"'))]
        rng.shuffle(members)
    return "{" + ",".join(_spaced(rng, member) for member in members) + "}"


def _spaced(rng: random.Random, text: str) -> str:
    if rng.random() < 0.9:
        return text
    return _either(rng, SPACES, NOT_SPACES) + text + rng.choice(SPACES)


def _broken(rng: random.Random, body: bytes) -> bytes:
    at = rng.randrange(len(body))
    other = bytes(
        [rng.choice((0x00, 0x22, 0x5C, 0x7B, 0x5D, 0x2C, 0x80, 0xC0, 0xED, 0xFF, rng.randrange(256)))]
    )
    return rng.choice(
        (
            body[:at],
            body[:at] + other + body[at:],
            body[:at] + other + body[at + 1 :],
            body[:at] + body[at + 1 :],
        )
    )


def reference(text: bytes) -> object:
    """What Python's own decoder reads, each number as a `Decimal`.

    Raises ValueError for a key that appears twice in one object.
    """

    def fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({composed(key) for key, _ in pairs}) < len(pairs):
            raise ValueError("a key appears twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=fields, parse_float=Decimal, parse_int=Decimal)


def read(text: bytes, found: Found) -> Text | None:
    """The text as Rollcall reads it, if it is accepted."""
    record = read_record(PROVIDER, (), text, {}, exact=True)
    quick = read_record(PROVIDER, (), text, {})
    if quick != record._replace(canonical_hash=quick.canonical_hash):
        found.differences.append(f"{text!r} is {quick} to the quick reader, and {record} to the exact one")
    found.counts["read without a canonical hash"] += quick.reason is None and quick.canonical_hash is None
    if record.reason is not None:
        found.counts["quarantined"] += 1
        assert record.payload is not None
        record.payload.decode()
        return None
    found.counts["accepted"] += 1
    assert record.payload == text.removeprefix(BYTE_ORDER_MARK)
    content = reference(text)
    kept = read_record(PROVIDER, DROPPED, text, {}).payload
    assert isinstance(content, dict)
    if not kept or reference(kept) != {
        key: part for key, part in content.items() if composed(key) not in DROPPED
    }:
        found.differences.append(f"fields dropped from {text!r} leave {kept!r}")
    return Text(record.payload, record, content)


def _respelled(text: Text, rng: random.Random) -> bytes:
    """The record in another spelling, except for its id: 1.0 is not the id 1."""
    assert isinstance(text.content, dict)
    members = [
        f'"id":{json.dumps(text.record.record_id)}'
        if isinstance(text.content["id"], str)
        else f'"id":{text.record.record_id}'
    ]
    members += [
        f"{spelled(key, rng)}: {spelled(part, rng)}" for key, part in text.content.items() if key != "id"
    ]
    rng.shuffle(members)
    return f"{{{','.join(members)}}}".encode()


def spelled(value: object, rng: random.Random) -> str:
    """The same value in another spelling: order of keys, white space, numbers, escapes, composition."""
    space = rng.choice(SPACES)
    if isinstance(value, dict):
        items = list(value.items())
        rng.shuffle(items)
        return (
            "{"
            + f",{space}".join(f"{spelled(key, rng)}:{space}{spelled(part, rng)}" for key, part in items)
            + "}"
        )
    if isinstance(value, list):
        return f"[{space}" + ",".join(spelled(part, rng) for part in value) + "]"
    if isinstance(value, Decimal):
        return _number(value, rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def _number(number: Decimal, rng: random.Random) -> str:
    if not number:
        return rng.choice(("0", "0.0", "-0", "0e9"))
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    zeros = rng.randrange(3)
    return f"{'-' * sign}{''.join(map(str, digits))}{'0' * zeros}e{exponent - zeros}"


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each scalar of a value with its JSON pointer."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}/{number}")
    else:
        yield path, value


def compare(db: duckdb.DuckDBPyConnection, texts: Sequence[Text], rng: random.Random, found: Found) -> None:
    """Compare what DuckDB reads of the texts, and what another spelling of each hashes to."""
    for text in texts:
        other = _respelled(text, rng)
        if read_record(PROVIDER, (), other, {}, exact=True).canonical_hash != text.record.canonical_hash:
            found.differences.append(f"another hash for another spelling: {text.sent!r} and {other!r}")
    values = [
        (text.sent.decode(), pointer, value) for text in texts for pointer, value in leaves(text.content)
    ]
    found.counts["values compared"] += len(values)
    read_there = db.execute(BY_POINTER, [[one[0] for one in values], [one[1] for one in values]])
    for (sent, pointer, value), (there, kind) in zip(values, read_there.fetchall(), strict=True):
        if not _is_same(value, there, kind):
            found.differences.append(f"{pointer} of {sent!r} is {value!r}, and {there!r} ({kind}) in DuckDB")
    read_there = db.execute(BY_COLUMN, [[text.sent.decode() for text in texts]])
    for text, fields in zip(texts, read_there.fetchall(), strict=True):
        assert isinstance(text.content, dict)
        for key, (there, kind) in zip(("id", "name"), batched(fields), strict=True):
            value = text.content.get(key)
            if not isinstance(value, dict | list) and not _is_same(value, there, kind or "NULL"):
                found.differences.append(f"the column {key} of {text.sent!r} is {there!r} in DuckDB")


def compare_moments(db: duckdb.DuckDBPyConnection, rng: random.Random, found: Found) -> None:
    """Draw timestamps: those with the same hash must be equal in SQL."""
    moments = [_moment(rng) for _ in range(BATCH)]
    found.counts["timestamps compared"] += BATCH
    by_content: dict[object, dict[tuple[str | None, ...], str]] = defaultdict(dict)
    for moment, fields in zip(moments, db.execute(BY_MACRO, [moments]).fetchall(), strict=True):
        by_content[canonical(moment)][fields] = moment
    for readings in by_content.values():
        if len(readings) > 1:
            found.differences.append(f"timestamps of one hash differ in DuckDB: {readings}")


def compare_page(texts: Sequence[Text], rng: random.Random, found: Found) -> None:
    """Put a byte that is not UTF-8 into the second of three records: all must be cut out as they are."""
    first, bad, last = (text.sent.strip() for text in rng.sample(texts, 3))
    at = rng.randrange(1, len(bad))
    if bad[at - 1 : at] == b"\\":  # a backslash before it would change what is escaped
        return
    bad = bad[:at] + rng.choice((b"\xff", b"\xc3", b"\x80", b"\xed\xa0\x80")) + bad[at:]
    found.counts["pages cut"] += 1
    page = b"[" + b" , ".join((first, bad, last)) + b"]"
    if elements(page) != (first, bad, last):
        found.differences.append(f"{page!r} is cut into {elements(page)!r}")
    if read_record(PROVIDER, (), bad, {}).reason is None:
        found.differences.append(f"{bad!r} is accepted")


def batched(fields: tuple[str | None, ...]) -> Iterator[tuple[str | None, str | None]]:
    """Pairs of fields, of which every second says what the first one is."""
    return zip(fields[::2], fields[1::2], strict=True)


def _is_same(value: object, text: str | None, kind: str | None) -> bool:
    """Whether DuckDB's text is the value: an integer exactly, any other number as a double."""
    if value is None:
        return text is None and kind == "NULL"
    if isinstance(value, bool):
        return (text, kind) == (str(value).lower(), "BOOLEAN")
    if isinstance(value, str):
        return (text, kind) == (value, "VARCHAR")
    assert isinstance(value, Decimal)
    if text is None or kind in ("VARCHAR", "NULL"):
        return False
    return Decimal(text) == value or (value.as_tuple().exponent != 0 and float(text) == float(value))


def campaign(seed: int, is_over: Callable[[int], bool]) -> Found:
    """Read texts until it is over, which is asked with how many batches there were."""
    found, rng = Found(), random.Random(seed)
    batches = 0
    with duckdb.connect() as db:
        db.execute("set TimeZone = 'UTC'; create schema staging")
        for macros in sorted(FUNCTIONS.glob("*.sql")):
            db.execute(macros.read_text(encoding="utf-8"))
        while not is_over(batches):
            texts = [text for _ in range(BATCH) if (text := read(drawn(rng), found))]
            compare(db, texts, rng, found)
            compare_moments(db, rng, found)
            for _ in range(20):
                compare_page(texts, rng, found)
            batches += 1
    return found


GROWING: dict[str, Callable[[int], bytes]] = {
    "vowel signs": lambda size: b'{"id":1,"x":"a' + "\u0f73".encode() * (size // 3) + b'"}',
    "combining marks": lambda size: b'{"id":1,"x":"a' + "\u0301\u0316".encode() * (size // 4) + b'"}',
    "marks in short runs": lambda size: (
        b'{"id":1,"x":"' + ("a" + "\u0316" * MOST_MARKS).encode() * (size // 61) + b'"}'
    ),
    "dashes": lambda size: b'{"id":1,"x":"' + ("\u2014" * MOST_MARKS + "a").encode() * (size // 91) + b'"}',
    "brackets": lambda size: b'{"id":1,"x":' + b"[" * size + b"}",
    "an open string": lambda size: b'{"id":1,"x":' + b"[" * 6000 + b'"' + b'\\"' * (size // 2) + b"}",
    "digits": lambda size: b'{"id":1,"x":' + b"1" * size + b"}",
    "decimals": lambda size: b'{"id":1,"x":1.' + b"1" * size + b"}",
    "keys": lambda size: b'{"id":1' + b"".join(b',"k%07d":1' % number for number in range(size // 13)) + b"}",
    "one key": lambda size: b'{"id":1' + b',"k":1' * (size // 6) + b"}",
    "objects": lambda size: b'{"id":1,"x":[' + b",".join([b'{"a":1}'] * (size // 8)) + b"]}",
    "not UTF-8": lambda size: b'{"id":1,"x":"' + b"\xff" * size + b'"}',
    "white space": lambda size: b'{"id":1,' + b" " * size + b'"id":1}',
}


def growth(size: int) -> Iterator[tuple[str, float, float]]:
    """For each kind of text the CPU seconds for one of `size` bytes, and for one four times as large."""
    for name, made in GROWING.items():
        seconds = []
        for text in (made(size), made(4 * size)):
            began = time.process_time()
            read_record(PROVIDER, (), text, {})
            seconds.append(time.process_time() - began)
        yield name, seconds[0], seconds[1]


def main() -> int:
    """Run for the seconds that the environment says; the exit code is 1 where readers differ."""
    ends_at = time.monotonic() + float(os.environ.get("SECONDS") or 600)
    found = campaign(random.randrange(1 << 32), lambda _: time.monotonic() > ends_at)
    lines = [f"{count:12,} {name}" for name, count in found.counts.items()]
    lines += [f"{len(found.differences):12,} differences", *found.differences[:20]]
    lines.append("CPU seconds for a record of 1 and of 4 MB")
    lines += [f"{one:8.3f} {four:8.3f}  {name}" for name, one, four in growth(1 << 20)]
    sys.stdout.write("\n".join(lines) + "\n")
    return min(1, len(found.differences))


if __name__ == "__main__":
    sys.exit(main())
