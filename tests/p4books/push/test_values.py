"""What does a value say in a field of its kind?"""

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
    """What is empty or blank says nothing, whatever the kind."""
    assert parse_value(value, kind) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (" Tía Rosa ", "Tía Rosa"),
        ("007", "007"),
        (1001, "1001"),
        (Decimal("1001.0"), "1001"),
        (Decimal("10.50"), "10.50"),
    ],
)
def test_text(value: object, said: str) -> None:
    """A text is trimmed; a number that a spreadsheet made of one becomes its digits again."""
    assert parse_value(value, FieldType.TEXT) == said


@pytest.mark.parametrize(
    ("value", "kind", "said"),
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
def test_numbers(value: object, kind: FieldType, said: int | Decimal) -> None:
    """A number keeps all its digits, and has no zeros at its end."""
    found = parse_value(value, kind)

    assert (str(found), type(found)) == (str(said), type(said))


@pytest.mark.parametrize(
    ("value", "kind", "what"),
    [
        ("1,234.56", FieldType.MONEY, "no plain number"),
        ("1.234,56", FieldType.MONEY, "no plain number"),
        ("$5", FieldType.MONEY, "no plain number"),
        ("1e3", FieldType.MONEY, "no plain number"),
        ("٣", FieldType.MONEY, "no plain number"),
        ("NaN", FieldType.MONEY, "no plain number"),
        (Decimal("NaN"), FieldType.MONEY, "no number"),
        (Decimal("sNaN"), FieldType.TEXT, "no text"),
        (Decimal("Infinity"), FieldType.MEASURE, "no number"),
        (date(2026, 3, 31), FieldType.MONEY, "no number"),
        (1.5, FieldType.MONEY, "no number"),
        ("0.001", FieldType.MONEY, "more than 2 decimals"),
        ("1.005", FieldType.MONEY, "more than 2 decimals"),
        (Decimal("1E-7"), FieldType.MEASURE, "more than 6 decimals"),
        (Decimal("1E-999999999"), FieldType.MEASURE, "more than 6 decimals"),
        ("1.5", FieldType.COUNT, "must be whole"),
        ("10000000000000000", FieldType.MONEY, "more than 16 digits before"),
        (Decimal("1E+999999999"), FieldType.MEASURE, "more than 12 digits before"),
        (10**18, FieldType.COUNT, "more than 18 digits before"),
        (True, FieldType.TEXT, "true or false"),
        (False, FieldType.MONEY, "true or false"),
        ("a\0b", FieldType.TEXT, "a letter that is none"),
        ("a\ud800b", FieldType.TEXT, "a letter that is none"),
        (date(2026, 3, 31), FieldType.TEXT, "a day where a text"),
        (["a"], FieldType.TEXT, "no text"),
        (Decimal("1E+999999999"), FieldType.TEXT, "no text"),
        ("31/03/2026", FieldType.DAY, "no day"),
        ("2026-02-30", FieldType.DAY, "no day"),
        ("2026-03-31 soon", FieldType.DAY, "no day"),
        (46112, FieldType.DAY, "no day"),
        ("2026-03-31", FieldType.INSTANT, "without a zone"),
        ("2026-03-31T10:00:00", FieldType.INSTANT, "without a zone"),
        (datetime(2026, 3, 31), FieldType.INSTANT, "without a zone"),  # noqa: DTZ001
        (date(2026, 3, 31), FieldType.INSTANT, "no day with a time"),
        ("noon", FieldType.INSTANT, "no day with a time"),
        ("0001-01-01T00:00:00+10:00", FieldType.INSTANT, "outside the years"),
    ],
)
def test_unfit(value: object, kind: FieldType, what: str) -> None:
    """What can't be sent for sure is refused, with a sentence on what to do."""
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
    """A day is the one that is written, whatever time stands behind it."""
    assert parse_value(value, FieldType.DAY) == "2026-03-31"


def test_a_day_that_depends() -> None:
    """An instant in the middle of a day is another day elsewhere, and is not taken for one."""
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
    """One instant is told one way, in whichever zone it is written."""
    assert parse_value(value, FieldType.INSTANT) == "2026-03-31T10:00:00Z"


@given(value=ANY, kind=st.sampled_from(FieldType))
def test_nothing_but_unfit_is_raised(value: Any, kind: FieldType) -> None:
    """Whatever stands in a cell, it is read, empty or unfit, and can be shown on one line."""
    try:
        found = parse_value(value, kind)
    except UnfitValue:
        found = None

    assert found is None or isinstance(found, (str, int, Decimal))
    assert len(format_value(value)) <= MAX_TEXT_LENGTH
    assert format_value(value).encode().decode().isprintable()


@pytest.mark.parametrize(
    ("value", "said"),
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
def test_shown(value: object, said: str) -> None:
    """A value is shown as it is written, cut where it is long."""
    assert format_value(value) == said


def test_two_ways_to_write_a_letter() -> None:
    """A text that looks the same is the same: n with a tilde behind it is ñ."""
    assert (
        parse_value("N\u0303", FieldType.TEXT) == parse_value("\u00d1", FieldType.TEXT) == "\u00d1"
    )
