"""Values of a file, parsed as the type of their field."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.endpoints.definition import FieldType
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
        ("$5", FieldType.MONEY, "not a plain number"),
        ("1e3", FieldType.MONEY, "not a plain number"),
        ("٣", FieldType.MONEY, "not a plain number"),
        ("NaN", FieldType.MONEY, "not a plain number"),
        (Decimal("NaN"), FieldType.MONEY, "not a number"),
        (Decimal("sNaN"), FieldType.TEXT, "not text"),
        (Decimal("Infinity"), FieldType.MEASURE, "not a number"),
        (date(2026, 3, 31), FieldType.MONEY, "not a number"),
        (1.5, FieldType.MONEY, "not a number"),
        ("0.001", FieldType.MONEY, "more than 2 decimals"),
        ("1.005", FieldType.MONEY, "more than 2 decimals"),
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
