"""How one value is written: as text, as a field of a CSV, as JSON. Each function gives the SQL that does it.

Exports and ad-hoc answers share these expressions, so that a value looks the same wherever it is read.
"""

import re

from pipelines.common.sql import literal

# White space, characters without width included.
_BLANK = "\x01-\x20\x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
# A spreadsheet runs a text that begins like this: with a sign, also full-width, small or a true minus, also
# after white space; or with a tab or a line end. Apostrophes before it are counted in: where a cell begins
# with one and the rest matches, taking that one off gives back exactly what was there.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
FORMULA = f"^'*(?:[\t\r\n]|[{_BLANK}]*[{_SIGNS}])"
# What Excel may make a number, a date, a truth value or an error of: a text that begins with a digit, but for
# signs before it; a word and a number, as a month and a year are; TRUE; #N/A.
ALTERED = (
    r'(?i)^([^0-9a-z"\x00-\x1f]*[0-9][^"\x00-\x1f]*|[a-zÀ-ž]{3,10}[ .,/-]*[0-9][0-9 .,/-]*'
    r"|true|false|#[a-z0-9/]+[!?]?)$"
)
LONGEST_LITERAL = 255  # of a text in a formula of Excel; counted in bytes here, of which there are no fewer
EXCEL_DIGITS = 15  # what Excel keeps of a number

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|U?INTEGER|BIGNUM|FLOAT|DOUBLE|DECIMAL\(.*\)")
_MOMENT = re.compile(r"DATE|TIME(_NS)?|TIME WITH TIME ZONE|TIMESTAMP(_S|_MS|_NS)?|TIMESTAMP WITH TIME ZONE")
_NESTED = re.compile(r".*\]|(STRUCT|TUPLE|MAP|UNION)\(.*\)", re.DOTALL)


def is_number(type_name: str) -> bool:
    """Whether values of this DuckDB type are numbers."""
    return _NUMBER.fullmatch(type_name) is not None


def is_text(type_name: str) -> bool:
    """Whether values of this type can begin like a formula: whatever is no number, truth value or time."""
    return not (is_number(type_name) or _MOMENT.fullmatch(type_name) or type_name == "BOOLEAN")


def text(value: str, type_name: str) -> str:
    """SQL of `value` as text: instants in ISO 8601 with Z, lists and structures as JSON."""
    if type_name == "TIMESTAMP WITH TIME ZONE":
        return f"replace(replace({value}::varchar, ' ', 'T'), '+00', 'Z')"
    if type_name.startswith("TIMESTAMP"):
        return f"replace({value}::varchar, ' ', 'T')"
    if _NESTED.fullmatch(type_name):
        return f"to_json({value})::varchar"
    return f"{value}::varchar"


def begins_formula(value: str) -> str:
    """SQL that tells whether the text `value` begins like a formula."""
    # What FORMULA begins with sorts before the digits, from = to A, or after ASCII: most texts are spared it.
    return (
        f"(({value} < '.' or ({value} < 'A' and {value} >= '=') or {value} >= chr(128)) "
        f"and regexp_matches({value}, {literal(FORMULA)}))"
    )


def neutralised(value: str) -> str:
    """SQL of the text `value`, with an apostrophe before it where it begins like a formula."""
    return f"case when {begins_formula(value)} then '''' || {value} else {value} end"


def digits(value: str) -> str:
    """SQL of how many digits the whole or decimal number, given as text, has."""
    return f"length(ltrim(translate({value}, '-.', ''), '0'))"


def kept_by_excel(value: str, type_name: str) -> str:
    """SQL of the text `value`, of that type, as a cell of a CSV that Excel reads as what it is.

    What Excel would alter becomes a formula that is nothing but that text: ="007". What begins like a formula
    is neutralised; so no other cell begins with =.
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
    """What DuckDB's COPY puts in quotation marks, as a regular expression; `csv_field` does the same."""
    return rf'["{delimiter}#\r\n]|^$'


def csv_field(value: str, delimiter: str = ",") -> str:
    """SQL of the text `value` as a field of a CSV: quoted where it must be, empty where it is null."""
    quoted = f"""'"' || replace({value}, '"', '""') || '"'"""
    must_be = f"regexp_matches({value}, {literal(quoted_where(delimiter))})"
    return f"coalesce(case when {must_be} then {quoted} else {value} end, '')"


def json_value(value: str, type_name: str) -> str:
    """SQL of `value` as JSON text. Numbers keep every digit; what JSON cannot hold as a number is a text."""
    shown = text(value, type_name)
    if type_name in {"FLOAT", "DOUBLE"}:
        shown = f"case when isfinite({value}) then {shown} else to_json({shown})::varchar end"
    elif not (is_number(type_name) or _NESTED.fullmatch(type_name) or type_name in {"BOOLEAN", "JSON"}):
        shown = f"to_json({shown})::varchar"
    return f"coalesce({shown}, 'null')"
