"""Values of a file, parsed as the type of their field."""

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal

from p4books.endpoints.definition import FieldType
from p4books.push.types import FileFormat

Value = str | int | Decimal  # as in the body of a request: dates and timestamps as ISO text

MAX_TEXT_LENGTH = 80  # characters of a value that are shown

AS_TEXT = "Write it as text; in a spreadsheet, format the cells as text and retype it."

_INVALID_CHARACTER = re.compile("[\0\ud800-\udfff]")
_SHORTENED = re.compile(r"[+-]?[0-9]([.,][0-9]+)?E[+-][0-9]{2,3}")  # as a spreadsheet writes it
_SPREADSHEET_ERROR = re.compile(
    r"#([¡¿]?(N/A|N/D|REF|VALUE|VALOR|NAME|NOMBRE|NUM|NULL|NULO|DIV/0|SPILL|CALC)[!?]?|#{3,})"
)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_GROUPED = {  # with the decimal sign, numbers may have separators between thousands
    sign: re.compile(
        rf"[+-]?[0-9]{{1,3}}([{separators}])[0-9]{{3}}(\1[0-9]{{3}})*([{sign}][0-9]*)?"
        rf"|[+-]?([0-9]+([{sign}][0-9]*)?|[{sign}][0-9]+)"
    )
    for sign, separators in ((".", ", \u00a0\u202f'"), (",", ". \u00a0\u202f'"))
}
_CURRENCY = re.compile("[$€£฿¢]|B/|USD|PAB|EUR", re.IGNORECASE)
_EITHER_SIGN = re.compile(r"([+-]?)([1-9][0-9]{0,2})[.,]([0-9]{3})")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ].*)?")
_WRITTEN_DAY = re.compile(
    r"([0-9]{1,4})([-/. ])([0-9]{1,2}|[^\W\d_]{3,10})\.?\2([0-9]{1,4})"
    r"( +[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[ap]\.? ?m\.?)?)?",
    re.IGNORECASE,
)
_MONTHS = (  # of Spanish and of English
    ("enero", "january"),
    ("febrero", "february"),
    ("marzo", "march"),
    ("abril", "april"),
    ("mayo", "may"),
    ("junio", "june"),
    ("julio", "july"),
    ("agosto", "august"),
    ("septiembre", "september", "setiembre", "sept"),
    ("octubre", "october"),
    ("noviembre", "november"),
    ("diciembre", "december"),
)
_MONTH_NUMBERS = {
    spelling: str(number)
    for number, names in enumerate(_MONTHS, 1)
    for name in names
    for spelling in (name, name[:3])
}
_DIGITS = 18  # of a number, including decimals
_AS_NUMBER = (
    "Use digits and a decimal point only: 1234.56. If the file has decimal commas, as in 1.234,56, "
    "use `--decimal ,`."
)
_AS_DAY = "Write it as year-month-day: 2026-03-31."
_ORDER_OF_DAY = (
    "Use `--dates dmy` if the day comes first, `--dates mdy` if the month does; or write it as "
    "year-month-day."
)
_OTHER_ORDER = (
    "Write the right date; if all dates of the file have day and month the other way round, change "
    "`--dates`."
)
_AS_INSTANT = "Write it as 2026-03-31T14:30:00-05:00, or with Z at the end for UTC."


class UnfitValue(Exception):
    """A value cannot be sent: what is wrong with it, and what to do, a sentence each."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class ShownValue:
    """A value of a spreadsheet whose meaning depends on how it is shown."""

    @property
    def text(self) -> str:
        """What a person sees."""
        raise NotImplementedError

    def resolve(self, kind: FieldType) -> object:
        """Return what it is in a field of this type. Raises UnfitValue."""
        raise NotImplementedError


def parse_value(
    value: object, kind: FieldType, file_format: FileFormat | None = None
) -> Value | None:
    """Parse a value exactly; None if it is empty. Raises UnfitValue.

    A number without decimals is an int, any other one has no trailing zeros: 25, 25.0 and 25.00
    are the same. A timestamp is in UTC. `file_format` is how numbers and dates are written.
    """
    if isinstance(value, ShownValue):
        value = value.resolve(kind)
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
        return _parse_day(value, file_format.dates if file_format else None)
    if kind is FieldType.INSTANT:
        return _parse_instant(value)
    return _parse_number(value, kind, file_format.decimal if file_format else None)


def format_value(value: object) -> str:
    """Format a value for a fault: on one line, truncated if it is long."""
    if isinstance(value, ShownValue):
        value = value.text
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
        _reject_spreadsheet_text(value)
        return value
    if isinstance(value, int):
        return str(Decimal(value))
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _DIGITS:
        return str(int(value)) if value == value.to_integral_value() else f"{value:f}"
    if isinstance(value, date):
        raise UnfitValue("It is a date, but the field is text.", AS_TEXT)
    raise UnfitValue("It is not text.", AS_TEXT)


def _reject_spreadsheet_text(value: str) -> None:
    """Reject what a spreadsheet writes in place of a value when it saves a text file."""
    if "E" in value and _SHORTENED.fullmatch(value):
        raise UnfitValue("It is a number of which a spreadsheet kept the first digits.", AS_TEXT)
    if value[0] == "#" and _SPREADSHEET_ERROR.fullmatch(value):
        raise UnfitValue(
            "It is an error or a column too narrow in the spreadsheet, not a value.",
            "Fix it there and save the file again.",
        )


def _parse_number(value: object, kind: FieldType, decimal: str | None) -> int | Decimal:
    if isinstance(value, str):
        value = _parse_written_number(value, decimal)
    if not isinstance(value, (int, Decimal)):
        raise UnfitValue("It is not a number.", _AS_NUMBER)
    number = Decimal(value)
    if not number.is_finite():
        raise UnfitValue("It is not a number.", _AS_NUMBER)
    return _normalize_number(number, kind.decimals or 0) if number else 0


def _parse_written_number(text: str, decimal: str | None) -> Decimal:
    """Parse a number written as text, with the decimal sign that was declared."""
    if decimal is None:
        if match := _EITHER_SIGN.fullmatch(text):
            sign, whole, end = match.groups()
            raise UnfitValue(
                f"It can be {sign}{whole}{end} or {sign}{whole}.{end}, depending on the decimal "
                "sign.",
                "Use `--decimal .` or `--decimal ,` to declare the decimal sign of the file.",
            )
        if not _NUMBER.fullmatch(text):
            raise _explain_number(text, "It is not a plain number.", _AS_NUMBER)
        return Decimal(text)
    if not _GROUPED[decimal].fullmatch(text):
        example = "1234.56 or 1,234.56" if decimal == "." else "1234,56 or 1.234,56"
        what = f"It is not a number with `{decimal}` as its decimal sign."
        raise _explain_number(text, what, f"Write it as {example}, or change `--decimal`.")
    plain = re.sub(rf"[^0-9{decimal}+-]", "", text)
    return Decimal(plain.replace(decimal, "."))


def _explain_number(text: str, what: str, remedy: str) -> UnfitValue:
    """Name the sign that a number has beside its digits; if there is none, it is what is given."""
    if re.search("[0-9]", text):
        if "%" in text:
            return UnfitValue("It has a percent sign.", "Write the number without it.")
        if text[0] == "(" and text[-1] == ")":
            return UnfitValue("It is in brackets.", "If it is negative, write a minus sign: -150.")
        if _CURRENCY.search(text):
            return UnfitValue("It has a currency sign.", "Write the number without it.")
    return UnfitValue(what, remedy)


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


def _parse_day(value: object, order: str | None) -> str:
    if isinstance(value, datetime) and value.tzinfo and value.time() != time.min:
        raise UnfitValue("It is a timestamp, and its date depends on the time zone.", _AS_DAY)
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str):
        if match := _DAY.fullmatch(value):
            with suppress(ValueError):
                datetime.fromisoformat(value)
                return match.group(1)
        elif match := _WRITTEN_DAY.fullmatch(re.sub(r"\s+(del?\s+)?", " ", value)):
            return _parse_written_day(match[1], match[3].lower(), match[4], order)
    raise UnfitValue("Not an unambiguous date.", _AS_DAY)


def _parse_written_day(first: str, second: str, third: str, order: str | None) -> str:
    """Return the date of three numbers; the second one may be the name of a month.

    The year is the first of them if that has four digits, otherwise the last.
    """
    if len(first) == 4 and len(third) < 3:
        return _format_day(first, _MONTH_NUMBERS.get(second, second), third)
    if len(third) not in {2, 4} or len(first) > 2:
        raise UnfitValue("Not an unambiguous date.", _AS_DAY)
    if second in _MONTH_NUMBERS and (order or len(third) == 4):
        return _format_day(third, _MONTH_NUMBERS[second], first)
    if order is None:
        raise UnfitValue("Not an unambiguous date.", _ORDER_OF_DAY)
    day, month = (first, second) if order == "dmy" else (second, first)
    return _format_day(third, month, day, swapped=(day, month))


def _format_day(year: str, month: str, day: str, swapped: tuple[str, str] = ("", "")) -> str:
    """Return a date; `swapped` are its month and its day if the other order was declared."""
    if (found := _make_day(year, month, day)) is not None:
        return found.isoformat()
    other = _make_day(year, *swapped)
    remedy = "Write the right date." if other is None else _OTHER_ORDER
    raise UnfitValue("There is no such date in the calendar.", remedy)


def _make_day(year: str, month: str, day: str) -> date | None:
    with suppress(ValueError):
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    return None


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
