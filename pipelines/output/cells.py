"""How a value is written as text, as a CSV field or as JSON. Each function returns the SQL for this.

Exports and ad-hoc queries share these expressions, so that a value looks the same everywhere.
"""

import re

from pipelines.common.sql import literal

# White space, including zero-width characters.
_BLANK = "\x01-\x20\x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
# A spreadsheet runs a string that begins like this: with a sign (also full-width, small, or a true minus,
# also after white space), with a tab or with a line break. Leading apostrophes match too: if a cell begins
# with one and the rest matches, removing it restores the original value.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
FORMULA = f"^'*(?:[\t\r\n]|[{_BLANK}]*[{_SIGNS}])"
# Strings that Excel may read as a number, a date, a boolean or an error: those that begin with a digit,
# perhaps after signs; a word and a number, such as a month and a year; TRUE; #N/A.
ALTERED = (
    r'(?i)^([^0-9a-z"\x00-\x1f]*[0-9][^"\x00-\x1f]*|[a-zÀ-ž]{3,10}[ .,/-]*[0-9][0-9 .,/-]*'
    r"|true|false|#[a-z0-9/]+[!?]?)$"
)
# Characters of a string in an Excel formula; compared with bytes, of which there are at least as many.
LONGEST_LITERAL = 255
# An empty string, so that it differs from null: in a table as in CSV.
EMPTY = '""'
EXCEL_DIGITS = 15  # digits of a number that Excel keeps

# What DuckDB's JSON may contain outside its strings that JSON may not.
_LENIENT = re.compile(
    r'"(?:[^"\\]++|\\.)*+"|(?P<number>-?(?:nan|inf(?:inity)?)\b)|(?P<comma>,(?=\s*[]}]))', re.IGNORECASE
)
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|BIGNUM|FLOAT|DOUBLE|DECIMAL\(.*\)")
_MOMENT = re.compile(r"DATE|TIME(_NS)?|TIME WITH TIME ZONE|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE")
_NESTED = re.compile(r".*\]|(STRUCT|TUPLE|MAP|UNION)\(.*\)", re.DOTALL)


def is_number(type_name: str) -> bool:
    """Whether values of this DuckDB type are numbers."""
    return _NUMBER.fullmatch(type_name) is not None


def is_text(type_name: str) -> bool:
    """Whether values of this type can begin like a formula: all but numbers, booleans and times."""
    return not (is_number(type_name) or _MOMENT.fullmatch(type_name) or type_name == "BOOLEAN")


def text(value: str, type_name: str) -> str:
    """SQL for `value` as text: timestamps in ISO 8601, lists and structs as JSON.

    A timestamp with time zone has the offset of the session's time zone, Z for UTC.
    """
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return _with_offset(f"replace({value}::varchar, ' ', 'T')")
    if type_name.startswith("TIMESTAMP"):
        return f"replace({value}::varchar, ' ', 'T')"
    if _NESTED.fullmatch(type_name):
        return f"to_json({value})::varchar"
    return f"{value}::varchar"


def in_a_sentence(value: str) -> str:
    """SQL for the string `value` as part of a sentence: null as NULL, an empty string as in a table."""
    return f"coalesce(case when {value} = '' then {literal(EMPTY)} else {value} end, 'NULL')"


def excel_text(value: str, type_name: str) -> str:
    """SQL for `value` as text that a spreadsheet opens as a date: times to the second, without offset."""
    if type_name.startswith("TIMESTAMP"):
        return f"strftime({value}, '%Y-%m-%d %H:%M:%S')"
    return text(value, type_name)


def minute(value: str) -> str:
    """SQL for the timestamp with time zone `value` to the minute, for people: 2026-11-03 02:00Z."""
    return _with_offset(f"strftime({value}, '%Y-%m-%d %H:%M%z')")


def _with_offset(shown: str) -> str:
    """SQL for a time as DuckDB writes it, but with its offset as Z or in hours and minutes."""
    # DuckDB writes +00, +01 and +05:30, and a time without end as infinity.
    return (
        f"case when suffix({shown}, '+00') then {shown}[:-4] || 'Z' "
        f"when {shown}[-3] = '+' or {shown}[-3] = '-' then {shown} || ':00' else {shown} end"
    )


def begins_formula(value: str) -> str:
    """SQL for whether the string `value` begins like a formula."""
    # A match of FORMULA sorts before the digits, from = to A, or after ASCII. Most strings skip the pattern.
    return (
        f"(({value} < '.' or ({value} < 'A' and {value} >= '=') or {value} >= chr(128)) "
        f"and regexp_matches({value}, {literal(FORMULA)}))"
    )


def neutralised(value: str) -> str:
    """SQL for the string `value`, with a leading apostrophe if it begins like a formula."""
    return f"case when {begins_formula(value)} then '''' || {value} else {value} end"


def digits(value: str) -> str:
    """SQL for the number of digits of an integer or decimal, given as text."""
    return f"length(ltrim(translate({value}, '-.', ''), '0'))"


def kept_by_excel(value: str, type_name: str) -> str:
    """SQL for the string `value`, of that type, as a CSV cell that Excel does not alter.

    A string that Excel would alter becomes a formula with only that string: ="007". A string that begins
    like a formula is neutralised, so no other cell begins with =.
    """
    formula = f"""'="' || {value} || '"'"""
    if is_text(type_name):
        altered = f"strlen({value}) <= {LONGEST_LITERAL} and regexp_matches({value}, {literal(ALTERED)})"
        return (
            f"case when {begins_formula(value)} then '''' || {value} "
            f"when {altered} then {formula} else {value} end"
        )
    if is_number(type_name) and type_name not in {"FLOAT", "DOUBLE"}:
        return f"case when {digits(value)} > {EXCEL_DIGITS} then {formula} else {value} end"
    return value


def quoted_where(delimiter: str) -> str:
    """A regular expression for the strings that DuckDB's COPY quotes; `csv_field` does the same."""
    return rf'["{delimiter}#\r\n]|^$'


def csv_field(value: str, delimiter: str = ",") -> str:
    """SQL for the string `value` as a CSV field: quoted if necessary, empty if null."""
    quoted = f"""'"' || replace({value}, '"', '""') || '"'"""
    must_be = f"regexp_matches({value}, {literal(quoted_where(delimiter))})"
    return f"coalesce(case when {must_be} then {quoted} else {value} end, '')"


def json_value(value: str, type_name: str) -> str:
    """SQL for `value` as JSON. Numbers keep every digit; those that JSON cannot represent become strings."""
    shown = text(value, type_name)
    if type_name in {"FLOAT", "DOUBLE"}:
        shown = f"case when isfinite({value}) then {shown} else to_json({shown})::varchar end"
    elif not (is_number(type_name) or _NESTED.fullmatch(type_name) or type_name in {"BOOLEAN", "JSON"}):
        shown = f"to_json({shown})::varchar"
    return f"coalesce({shown}, 'null')"


def holds_json(type_name: str) -> bool:
    """Whether values of this type are written as JSON of more than one part."""
    return type_name == "JSON" or _NESTED.fullmatch(type_name) is not None


def strict_json(text: str) -> str:
    """The JSON of DuckDB as JSON that every program reads.

    Numbers that are not finite become strings, as those of a column do, and commas before an end go.
    """
    return _LENIENT.sub(_strict, text)


def _strict(found: re.Match[str]) -> str:
    if found["number"]:
        return f'"{found["number"]}"'
    return "" if found["comma"] else found[0]
