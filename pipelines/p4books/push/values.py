"""Values of a file, parsed as the type of their field."""

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal

from p4books.endpoints.definition import FieldType

Value = str | int | Decimal  # as it stands in a body: days and instants as ISO text

MAX_TEXT_LENGTH = 80  # letters of a value that are shown

_NO_LETTER = re.compile("[\0\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ].*)?")
_DIGITS = 18  # of a number, decimals among them
_PLAIN = "Write it with a point before the decimals and nothing else beside the digits: 1234.56."
_AS_TEXT = "Write it as text; in a spreadsheet, format the cells as text and type it again."
_AS_DAY = "Write it as 2026-03-31: year, month, day."
_AS_INSTANT = "Write it as 2026-03-31T14:30:00-05:00, or with Z at the end for UTC."


class UnfitValue(Exception):
    """A value can't be sent: what is wrong with it, and what to do, each in a sentence."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def parse_value(value: object, kind: FieldType) -> Value | None:
    """Return what a value says, exactly; None where it is empty. Raises Unfit.

    A number without decimals is an int, else it has no zeros at its end: 25, 25.0 and 25.00 are
    one. An instant is told in UTC.
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise UnfitValue(
            "It is true or false, which no field of P4 Books is.", "Write what is meant."
        )
    if kind is FieldType.TEXT:
        return _parse_text(value)
    if kind is FieldType.DAY:
        return _parse_day(value)
    if kind is FieldType.INSTANT:
        return _parse_instant(value)
    return _parse_number(value, kind)


def format_value(value: object) -> str:
    """Return how a value is shown in a fault: on one line, cut where it is long."""
    if isinstance(value, (list, dict)):
        return "[...]" if isinstance(value, list) else "{...}"
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)  # has its digits told, however many
    text = "" if value is None else str(value)
    if len(text) > MAX_TEXT_LENGTH:
        text = text[: MAX_TEXT_LENGTH - 1] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def _parse_text(value: object) -> str:
    if isinstance(value, str):
        value = unicodedata.normalize("NFC", value)  # two ways to write ñ are one text
        if _NO_LETTER.search(value):
            why = "It holds a letter that is none, as of a file that was damaged or misread."
            raise UnfitValue(why, "Type it again.")
        return value
    if isinstance(value, int):
        return str(Decimal(value))
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _DIGITS:
        return str(int(value)) if value == value.to_integral_value() else f"{value:f}"
    if isinstance(value, date):
        raise UnfitValue("It is a day where a text belongs.", _AS_TEXT)
    raise UnfitValue("It is no text.", _AS_TEXT)


def _parse_number(value: object, kind: FieldType) -> int | Decimal:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise UnfitValue("It is no plain number.", _PLAIN)
    if not isinstance(value, (str, int, Decimal)):
        raise UnfitValue("It is no number.", _PLAIN)
    number = Decimal(value)
    if not number.is_finite():
        raise UnfitValue("It is no number.", _PLAIN)
    return _exact_decimal(number, kind.decimals or 0) if number else 0


def _exact_decimal(number: Decimal, decimals: int) -> int | Decimal:
    whole = _DIGITS - decimals
    if number.adjusted() >= whole:
        raise UnfitValue(
            f"It has more than {whole} digits before the point.", "Write the right number."
        )
    digits = len(number.as_tuple().digits)
    plain = number.normalize(Context(digits)) if number.adjusted() >= -decimals else number
    places = plain.as_tuple().exponent
    if isinstance(places, int) and places < -decimals:
        few = f"more than {decimals} decimals" if decimals else "decimals, and must be whole"
        raise UnfitValue(
            f"It has {few}.", "Round it: P4 Books and this check must agree to the digit."
        )
    return int(plain) if plain == plain.to_integral_value() else plain


def _parse_day(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo and value.time() != time.min:
        raise UnfitValue("It is an instant, and its day depends on the zone.", _AS_DAY)
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str) and (found := _DAY.fullmatch(value)):
        with suppress(ValueError):
            datetime.fromisoformat(value)
            return found.group(1)
    raise UnfitValue("It is no day that can be told for sure.", _AS_DAY)


def _parse_instant(value: object) -> str:
    if isinstance(value, str) and _DAY.fullmatch(value):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise UnfitValue("It is no day with a time.", _AS_INSTANT)
    if value.tzinfo is None:
        raise UnfitValue("It is a time without a zone.", _AS_INSTANT)
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        raise UnfitValue("It is a time outside the years 1 to 9999.", _AS_INSTANT) from None
