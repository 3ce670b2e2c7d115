"""Values of a file, parsed as the type of their field."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.endpoints.definition import FieldType
from p4books.push.types import FileFormat
from p4books.push.values import MAX_TEXT_LENGTH, UnfitValue, format_value, parse_value

PANAMA = timezone(timedelta(hours=-5))
ANY = st.one_of(
    st.text(),
    st.integers(),
    st.integers().map(lambda digits: 10 ** (abs(digits) % 6000)),
    st.decimals(),
    st.sampled_from([Decimal("1E+999999999"), Decimal("-1E-999999999"), Decimal("sNaN")]),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(PANAMA)),
    st.lists(st.text()),
    st.none(),
    st.floats(),
)


@pytest.mark.parametrize("kind", FieldType)
@pytest.mark.parametrize("value", [None, "", "  ", "\t\n"])
def test_empty(kind: FieldType, value: object) -> None:
    """An empty or blank value is None, whatever the type."""
    assert parse_value(value, kind) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (" Tía Rosa ", "Tía Rosa"),
        ("007", "007"),
        (1001, "1001"),
        (Decimal("1001.0"), "1001"),
        (Decimal("10.50"), "10.50"),
    ],
)
def test_text(value: object, expected: str) -> None:
    """A text is trimmed; a number that a spreadsheet made of a text becomes its digits again."""
    assert parse_value(value, FieldType.TEXT) == expected


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("25.00", FieldType.MONEY, 25),
        (Decimal("25.0"), FieldType.MONEY, 25),
        (25, FieldType.MONEY, 25),
        ("-0.50", FieldType.MONEY, Decimal("-0.5")),
        ("-0.00", FieldType.MONEY, 0),
        (".5", FieldType.MEASURE, Decimal("0.5")),
        (Decimal("1E+2"), FieldType.MEASURE, 100),
        (Decimal("0.000001"), FieldType.MEASURE, Decimal("0.000001")),
        ("9999999999999999.99", FieldType.MONEY, Decimal("9999999999999999.99")),
        ("999999999999.999999", FieldType.MEASURE, Decimal("999999999999.999999")),
        ("3.0", FieldType.COUNT, 3),
    ],
)
def test_numbers(value: object, kind: FieldType, expected: int | Decimal) -> None:
    """A number keeps all its digits, without trailing zeros."""
    found = parse_value(value, kind)

    assert (str(found), type(found)) == (str(expected), type(expected))


@pytest.mark.parametrize(
    ("value", "kind", "what"),
    [
        ("1,234.56", FieldType.MONEY, "not a plain number"),
        ("1.234,56", FieldType.MONEY, "not a plain number"),
        ("$5", FieldType.MONEY, "a currency sign"),
        ("1e3", FieldType.MONEY, "not a plain number"),
        ("٣", FieldType.MONEY, "not a plain number"),
        ("NaN", FieldType.MONEY, "not a plain number"),
        (Decimal("NaN"), FieldType.MONEY, "not a number"),
        (Decimal("sNaN"), FieldType.TEXT, "not text"),
        (Decimal("Infinity"), FieldType.MEASURE, "not a number"),
        (date(2026, 3, 31), FieldType.MONEY, "not a number"),
        (1.5, FieldType.MONEY, "not a number"),
        ("0.001", FieldType.MONEY, "more than 2 decimals"),
        ("1.0005", FieldType.MONEY, "more than 2 decimals"),
        (Decimal("1E-7"), FieldType.MEASURE, "more than 6 decimals"),
        (Decimal("1E-999999999"), FieldType.MEASURE, "more than 6 decimals"),
        ("1.5", FieldType.COUNT, "must be a whole number"),
        ("10000000000000000", FieldType.MONEY, "more than 16 digits before"),
        (Decimal("1E+999999999"), FieldType.MEASURE, "more than 12 digits before"),
        (10**18, FieldType.COUNT, "more than 18 digits before"),
        (True, FieldType.TEXT, "true or false"),
        (False, FieldType.MONEY, "true or false"),
        ("a\0b", FieldType.TEXT, "an invalid character"),
        ("a\ud800b", FieldType.TEXT, "an invalid character"),
        (date(2026, 3, 31), FieldType.TEXT, "a date, but the field is text"),
        (["a"], FieldType.TEXT, "not text"),
        (Decimal("1E+999999999"), FieldType.TEXT, "not text"),
        ("31/03/2026", FieldType.DAY, "Not an unambiguous date"),
        ("2026-02-30", FieldType.DAY, "Not an unambiguous date"),
        ("2026-03-31 soon", FieldType.DAY, "Not an unambiguous date"),
        (46112, FieldType.DAY, "Not an unambiguous date"),
        ("2026-03-31", FieldType.INSTANT, "without a time zone"),
        ("2026-03-31T10:00:00", FieldType.INSTANT, "without a time zone"),
        (datetime(2026, 3, 31), FieldType.INSTANT, "without a time zone"),  # noqa: DTZ001
        (date(2026, 3, 31), FieldType.INSTANT, "not a date with a time"),
        ("noon", FieldType.INSTANT, "not a date with a time"),
        ("0001-01-01T00:00:00+10:00", FieldType.INSTANT, "not between 1 and 9999"),
    ],
)
def test_unfit(value: object, kind: FieldType, what: str) -> None:
    """A value that is not certain is rejected, with a sentence on what to do."""
    with pytest.raises(UnfitValue, match=what) as unfit:
        parse_value(value, kind)

    assert unfit.value.remedy.endswith(".")


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-31",
        "2026-03-31T00:00:00Z",
        "2026-03-31 23:30:00-05:00",
        date(2026, 3, 31),
        datetime(2026, 3, 31, tzinfo=PANAMA),
    ],
)
def test_day(value: object) -> None:
    """A date is the one that is written, whatever time follows it."""
    assert parse_value(value, FieldType.DAY) == "2026-03-31"


COMMA, POINT = FileFormat(decimal=","), FileFormat(decimal=".")
DMY, MDY = FileFormat(dates="dmy"), FileFormat(dates="mdy")


@pytest.mark.parametrize(
    ("value", "file_format", "expected"),
    [
        ("1.234,56", COMMA, "1234.56"),
        ("1234,56", COMMA, "1234.56"),
        ("-1.234.567,5", COMMA, "-1234567.5"),
        ("1 234,56", COMMA, "1234.56"),
        ("1\u00a0234\u202f567", COMMA, None),
        ("1\u202f234\u202f567", COMMA, "1234567"),
        ("1.234", COMMA, "1234"),
        ("1,234", COMMA, "1.234"),
        (",5", COMMA, "0.5"),
        ("12,", COMMA, "12"),
        ("1,234.56", POINT, "1234.56"),
        ("1,234", POINT, "1234"),
        ("1.234", POINT, "1.234"),
        ("1234.56", POINT, "1234.56"),
        ("1'234.5", POINT, "1234.5"),
        ("1234.56", COMMA, None),
        ("12.34", COMMA, None),
        ("1.2345,6", COMMA, None),
        ("1.234.56", COMMA, None),
        ("1,234,56", POINT, None),
        ("1.234 567", COMMA, None),
        (".", COMMA, None),
    ],
)
def test_decimal_sign(value: str, file_format: FileFormat, expected: str | None) -> None:
    """With its decimal sign declared, a number may have thousands separators."""
    if expected is None:
        with pytest.raises(UnfitValue, match="not a number with"):
            parse_value(value, FieldType.MEASURE, file_format)
        return
    assert str(parse_value(value, FieldType.MEASURE, file_format)) == expected


@pytest.mark.parametrize("file_format", [FileFormat(), COMMA])
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("10%", "a percent sign"),
        ("$ 1.500,00", "a currency sign"),
        ("B/. 12,50", "a currency sign"),
        ("12,50 usd", "a currency sign"),
        ("(150,00)", "in brackets"),
    ],
)
def test_sign_beside_a_number(value: str, what: str, file_format: FileFormat) -> None:
    """What a number has beside its digits is named, and not taken for its decimal sign."""
    with pytest.raises(UnfitValue, match=what) as unfit:
        parse_value(value, FieldType.MONEY, file_format)

    assert "--decimal" not in unfit.value.remedy


@pytest.mark.parametrize("value", ["1,234", "1.234", "-12.500", "999,000"])
@pytest.mark.parametrize("kind", [FieldType.MEASURE, FieldType.MONEY, FieldType.COUNT])
def test_ambiguous_number(value: str, kind: FieldType) -> None:
    """A number with one sign before three digits is two numbers: the option says which."""
    with pytest.raises(UnfitValue, match="It can be") as unfit:
        parse_value(value, kind)

    assert "`--decimal .` or `--decimal ,`" in unfit.value.remedy


@pytest.mark.parametrize("value", ["0.125", "1234.567", "1.2345", "12.5"])
def test_unambiguous_number(value: str) -> None:
    """A number that has a decimal point for certain needs no option."""
    assert parse_value(value, FieldType.MEASURE) == Decimal(value)


@pytest.mark.parametrize(
    ("value", "file_format", "expected"),
    [
        ("31/03/2026", DMY, "2026-03-31"),
        ("3/4/2026", DMY, "2026-04-03"),
        ("3/4/2026", MDY, "2026-03-04"),
        ("03-04-26", DMY, "2026-04-03"),
        ("31.3.2026", DMY, "2026-03-31"),
        ("31/03/2026 10:30:00", DMY, "2026-03-31"),
        ("31/03/2026 12:00 a. m.", DMY, "2026-03-31"),
        ("2026-03-31", DMY, "2026-03-31"),
        ("2026/03/31", FileFormat(), "2026-03-31"),
        ("31-mar-2026", FileFormat(), "2026-03-31"),
        ("1 de Septiembre de 2026", FileFormat(), "2026-09-01"),
        ("31 dec. 2026", FileFormat(), "2026-12-31"),
        ("2-ene-26", DMY, "2026-01-02"),
    ],
)
def test_written_day(value: str, file_format: FileFormat, expected: str) -> None:
    """With the order of its dates declared, a file may write them as an office does."""
    assert parse_value(value, FieldType.DAY, file_format) == expected


@pytest.mark.parametrize(
    ("value", "file_format", "what"),
    [
        ("03/04/2026", FileFormat(), "Not an unambiguous date"),
        ("31/03/2026", FileFormat(), "Not an unambiguous date"),
        ("31-mar-26", FileFormat(), "Not an unambiguous date"),
        ("03/31/2026", DMY, "no such date"),
        ("31/03/2026", MDY, "no such date"),
        ("31/02/2026", DMY, "no such date"),
        ("31/03-2026", DMY, "Not an unambiguous date"),
        ("31/03/226", DMY, "Not an unambiguous date"),
        ("31-foo-2026", DMY, "no such date"),
        ("mañana", DMY, "Not an unambiguous date"),
    ],
)
def test_uncertain_day(value: str, file_format: FileFormat, what: str) -> None:
    """A date is not guessed."""
    with pytest.raises(UnfitValue, match=what):
        parse_value(value, FieldType.DAY, file_format)


@pytest.mark.parametrize(
    ("value", "file_format", "is_order"),
    [
        ("31/11/2026", DMY, False),
        ("31-nov-2026", FileFormat(), False),
        ("2026/02/30", FileFormat(), False),
        ("12/31/2026", DMY, True),
    ],
)
def test_no_such_day(value: str, file_format: FileFormat, is_order: bool) -> None:
    """The order of dates is only suspected if the other one makes it a date."""
    with pytest.raises(UnfitValue, match="no such date") as unfit:
        parse_value(value, FieldType.DAY, file_format)

    assert ("--dates" in unfit.value.remedy) == is_order


@pytest.mark.parametrize(
    "value", ["1.00E+05", "1,00E+05", "1E+05", "#N/A", "#¡REF!", "#VALUE!", "#¿NOMBRE?", "########"]
)
def test_text_that_a_spreadsheet_spoilt(value: str) -> None:
    """What a spreadsheet writes into a text file in place of a value is not sent."""
    with pytest.raises(UnfitValue, match="spreadsheet"):
        parse_value(value, FieldType.TEXT)


@pytest.mark.parametrize("value", ["1E5", "#5", "E+05", "#1", "N/A", "2E-1 x"])
def test_text_that_only_looks_spoilt(value: str) -> None:
    """A code of digits and an E is a code."""
    assert parse_value(value, FieldType.TEXT) == value


def test_day_that_depends_on_the_zone() -> None:
    """A timestamp in the middle of a day has another date elsewhere, and is not accepted as one."""
    with pytest.raises(UnfitValue, match="zone"):
        parse_value(datetime(2026, 3, 31, 23, 30, tzinfo=PANAMA), FieldType.DAY)


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-31T10:00:00Z",
        "2026-03-31 05:00:00-05:00",
        datetime(2026, 3, 31, 10, tzinfo=UTC),
        datetime(2026, 3, 31, 5, tzinfo=PANAMA),
    ],
)
def test_instant(value: object) -> None:
    """A timestamp is sent in UTC, in whichever time zone it is written."""
    assert parse_value(value, FieldType.INSTANT) == "2026-03-31T10:00:00Z"


@given(value=ANY, kind=st.sampled_from(FieldType))
def test_any_value(value: Any, kind: FieldType) -> None:
    """Any value is parsed, empty or unfit, and can be shown on one line."""
    try:
        found = parse_value(value, kind)
    except UnfitValue:
        found = None

    assert found is None or isinstance(found, (str, int, Decimal))
    assert len(format_value(value)) <= MAX_TEXT_LENGTH
    assert format_value(value).encode().decode().isprintable()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (True, "True"),
        ("a" * 81, "a" * 79 + "…"),
        ("a" * 80, "a" * 80),
        ([1], "[...]"),
        ({}, "{...}"),
        ("a\nb\ud800", "a�b�"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_format_value(value: object, expected: str) -> None:
    """A value is shown as it is written, truncated if it is long."""
    assert format_value(value) == expected


def test_two_encodings_of_a_letter() -> None:
    """A text that looks the same is the same: n followed by a combining tilde is ñ."""
    assert (
        parse_value("N\u0303", FieldType.TEXT) == parse_value("\u00d1", FieldType.TEXT) == "\u00d1"
    )
