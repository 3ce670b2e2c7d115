"""Values of a file, parsed as the type of their field."""

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal

from p4books.endpoints.definition import FieldType

Value = str | int | Decimal  # as in the body of a request: dates and timestamps as ISO text

MAX_TEXT_LENGTH = 80  # characters of a value that are shown

_INVALID_CHARACTER = re.compile("[\0\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ].*)?")
_DIGITS = 18  # of a number, including decimals
_AS_NUMBER = "Use digits and a decimal point only, without a thousands separator: 1234.56."
_AS_TEXT = "Write it as text; in a spreadsheet, format the cells as text and retype it."
_AS_DAY = "Write it as year-month-day: 2026-03-31."
_AS_INSTANT = "Write it as 2026-03-31T14:30:00-05:00, or with Z at the end for UTC."


class UnfitValue(Exception):
    """A value cannot be sent: what is wrong with it, and what to do, a sentence each."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def parse_value(value: object, kind: FieldType) -> Value | None:
    """Parse a value exactly; None if it is empty. Raises UnfitValue.

    A number without decimals is an int, any other one has no trailing zeros: 25, 25.0 and 25.00
    are the same. A timestamp is in UTC.
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise UnfitValue(
            "It is true or false, but no field of P4 Books is a boolean.", "Write the actual value."
        )
    if kind is FieldType.TEXT:
        return _parse_text(value)
    if kind is FieldType.DAY:
        return _parse_day(value)
    if kind is FieldType.INSTANT:
        return _parse_instant(value)
    return _parse_number(value, kind)


def format_value(value: object) -> str:
    """Format a value for a fault: on one line, truncated if it is long."""
    if isinstance(value, (list, dict)):
        return "[...]" if isinstance(value, list) else "{...}"
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)  # str() of an int is limited to 4,300 digits
    text = "" if value is None else str(value)
    if len(text) > MAX_TEXT_LENGTH:
        text = text[: MAX_TEXT_LENGTH - 1] + "…"
    return "".join(char if char.isprintable() else "�" for char in text)


def _parse_text(value: object) -> str:
    if isinstance(value, str):
        value = unicodedata.normalize("NFC", value)  # both ways to write ñ are the same text
        if _INVALID_CHARACTER.search(value):
            what = "It contains an invalid character; the file may be damaged or wrongly encoded."
            raise UnfitValue(what, "Retype it.")
        return value
    if isinstance(value, int):
        return str(Decimal(value))
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _DIGITS:
        return str(int(value)) if value == value.to_integral_value() else f"{value:f}"
    if isinstance(value, date):
        raise UnfitValue("It is a date, but the field is text.", _AS_TEXT)
    raise UnfitValue("It is not text.", _AS_TEXT)


def _parse_number(value: object, kind: FieldType) -> int | Decimal:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise UnfitValue("It is not a plain number.", _AS_NUMBER)
    if not isinstance(value, (str, int, Decimal)):
        raise UnfitValue("It is not a number.", _AS_NUMBER)
    number = Decimal(value)
    if not number.is_finite():
        raise UnfitValue("It is not a number.", _AS_NUMBER)
    return _normalize_number(number, kind.decimals or 0) if number else 0


def _normalize_number(number: Decimal, decimals: int) -> int | Decimal:
    integer_digits = _DIGITS - decimals
    if number.adjusted() >= integer_digits:
        raise UnfitValue(
            f"It has more than {integer_digits} digits before the decimal point.",
            "Write the right number.",
        )
    digits = len(number.as_tuple().digits)
    plain = number.normalize(Context(digits)) if number.adjusted() >= -decimals else number
    exponent = plain.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -decimals:
        what = (
            f"It has more than {decimals} decimals."
            if decimals
            else "It has decimals, but must be a whole number."
        )
        raise UnfitValue(what, "Round it: it must match what P4 Books stores to the digit.")
    return int(plain) if plain == plain.to_integral_value() else plain


def _parse_day(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo and value.time() != time.min:
        raise UnfitValue("It is a timestamp, and its date depends on the time zone.", _AS_DAY)
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str) and (match := _DAY.fullmatch(value)):
        with suppress(ValueError):
            datetime.fromisoformat(value)
            return match.group(1)
    raise UnfitValue("Not an unambiguous date.", _AS_DAY)


def _parse_instant(value: object) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise UnfitValue("It is not a date with a time.", _AS_INSTANT)
    if value.tzinfo is None:
        raise UnfitValue("It is a time without a time zone.", _AS_INSTANT)
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise UnfitValue("Its year in UTC is not between 1 and 9999.", _AS_INSTANT) from None
