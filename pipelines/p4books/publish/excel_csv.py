"""CSV for people: Excel opens it by a double click, in their language, without changing a value.

Without a byte order mark Excel takes UTF-8 for another encoding. It calculates texts that begin
like a formula, and turns texts that look like a number, a date or a truth value into one: 007 into
7, 1-2 into a day. Such a text is written as a formula that returns it, `="007"`, which Excel shows
and saves as 007, and `p4books push` reads as 007. Numbers stay numbers.

Excel separates values as Windows' region does: where decimals have a point, as in Panama (CLDR,
es-PA) and in the United States, that is taken to be a comma; no source for Windows was at hand. So
both languages have commas, and `decimal` is for other regions. The line `sep=;` would say so in the
file, but Excel then ignores the mark. Days stay 2026-10-31, which Excel takes for a day in every
region, and shows in its own form; 31/10/2026 would stay a text where months come first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from p4books.publish.excel_cells import MAX_DIGITS, excel_type, select_as_written
from p4books.publish.language import Language
from p4books.publish.query import CatalogColumn
from p4books.storage.database import quote_literal

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_MAX_LITERAL = 125  # characters of a text in a formula; Excel allows 255 UTF-16 code units
_MAX_CONVERTED = 255  # characters; a longer text is not a number, a date or a truth value
_FORMULA = (
    r"^\s*[-+=@#\x{FF0B}\x{FF0D}\x{FF1D}\x{FF20}]"  # also in full width; # is an error as #N/A
    r"|^[\t\r]"  # some programs ignore these before a formula
)
_VALUE = (
    r"\pN"  # a digit of any script; month names and units differ by language
    r"|^\s*(?i:true|false|verdadero|falso)\s*$"
)


@dataclass(frozen=True)
class ExcelCsv:
    """What people expect of a CSV file: language, time zone of instants, decimal separator."""

    timezone: str
    language: Language
    decimal: str = "."

    @property
    def delimiter(self) -> str:
        """Return the separator of values, which follows from that of decimals."""
        return ";" if self.decimal == "," else ","


def select_for_excel(
    column: CatalogColumn, options: ExcelCsv, words: Mapping[str, str] | None = None
) -> str:
    """Return the SQL expression for a value as Excel reads it, as a text; instants in seconds.

    `words` are what values of the column are called.
    """
    kind = excel_type(column)
    written = select_as_written(column, options.timezone)
    if kind == "instant":
        return f"strftime({written}, '%Y-%m-%d %H:%M:%S')"
    if kind == "flag":
        yes, no = (quote_literal(options.language.flag(flag)) for flag in (True, False))
        return f"case {written} when true then {yes} when false then {no} end"
    text = f"{written}::varchar"
    if kind == "text":
        if words:
            named = (f"when {quote_literal(v)} then {quote_literal(w)}" for v, w in words.items())
            text = f"(case {text} {' '.join(named)} else {text} end)"
        is_formula = f"regexp_matches({text}, {quote_literal(_FORMULA)})"
        is_value = f"regexp_matches({text}, {quote_literal(_VALUE)})"
        is_changed = f"{is_formula} or (length({text}) <= {_MAX_CONVERTED} and {is_value})"
        return f"case when {is_changed} then {_select_formula(text)} else {text} end"
    if kind in {"number", "float"}:
        number = f"replace({text}, '.', {quote_literal(options.decimal)})"
        if kind == "float":
            return number
        digits = f"length(trim(translate({text}, '-.', ''), '0'))"
        is_rounded = f"{digits} > {MAX_DIGITS}"
        return f"case when {is_rounded} then {_select_formula(number)} else {number} end"
    return text


def _select_formula(text: str) -> str:
    """Return the SQL expression for the formula that returns a text."""
    part = f"""replace(substring({text}, i, {_MAX_LITERAL}), '"', '""')"""
    starts = f"range(1, length({text}) + 1, {_MAX_LITERAL})"
    return f"""'=' || array_to_string(['"' || {part} || '"' for i in {starts}], '&')"""
