"""Number formats of spreadsheets: what a person sees of a number or a date."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.push.readers.number_formats import date_parts, show_number, show_text, shows_exactly

ACCOUNTING = r'_(* #,##0.00_);_(* \(#,##0.00\);_(* "-"??_);_(@_)'
BALBOAS = r'_-[$B/.-180A]* #,##0.00_-;\-[$B/.-180A]* #,##0.00_-;_-[$B/.-180A]* "-"??_-;_-@_-'
CURRENCY = '"$"#,##0.00_);[Red]("$"#,##0.00)'

# What is held, the format, what is shown, the amount that a person reads, whether it can be a code
SHOWN = [
    ("100000", "General", "100000", "100000", True),
    ("-5", "General", "-5", "-5", True),
    ("12345678901", "General", "12345678901", "12345678901", True),
    ("123456789012", "General", "1.23457E+11", "123457000000", False),
    ("1234567.891", "General", "1234567.891", "1234567.891", False),
    ("12345678.12345", "General", "12345678.12", "12345678.12", False),
    ("0.00001", "General", "0.00001", "0.00001", False),
    ("0.000012345678", "General", "1.23457E-05", "0.0000123457", False),
    ("0", "General", "0", "0", True),
    ("7", "@", "7", "7", True),
    ("5", 'General" u"', "5 u", "5", True),
    ("100000", "0.00E+00", "1.00E+05", "100000", False),
    ("123456", "0.00E+00", "1.23E+05", "123000", False),
    ("12345", "##0.0E+0", "12.3E+03", "12300", False),
    ("-0.00012", "0.0E+00", "-1.2E-04", "-0.00012", False),
    ("123", "00000", "00123", "123", True),
    ("1234567", "00000", "1234567", "1234567", True),
    ("66123456", "0000-0000", "6612-3456", None, True),
    ("5072345678", "(000) 000-0000", "(507) 234-5678", None, True),
    ("7501234567890", "0", "7501234567890", "7501234567890", True),
    ("5", '"C-"000', "C-005", "-5", True),
    ("123.4", "0", "123", "123", False),
    ("12.345", "0.00", "12.35", "12.35", False),
    ("-12.345", "0.00", "-12.35", "-12.35", False),
    ("2.5", "0.00", "2.50", "2.5", False),
    ("1.5", "0.###", "1.5", "1.5", False),
    ("0.5", "#.##", ".5", "0.5", False),
    ("1234.5", "#,##0.00", "1,234.50", "1234.5", False),
    ("1234567", "#,##0", "1,234,567", "1234567", False),
    ("123", "#,##0", "123", "123", True),
    ("12345", "#,##0,", "12", "12", False),
    ("12000", "#,##0,", "12", "12", False),
    ("12000000", '0.0,,"M"', "12.0M", None, False),
    ("5", '0" mil"', "5 mil", None, True),
    ("5", '0"000"', "5000", None, True),
    ("5", '0 "cajas"', "5 cajas", "5", True),
    ("1234.5", CURRENCY, "$1,234.50", "1234.5", False),
    ("-1234.5", CURRENCY, "($1,234.50)", "-1234.5", False),
    ("5", "[$B/.-180A] #,##0.00", "B/. 5.00", "5", False),
    ("5", "[$€-2] 0", "€ 5", "5", True),
    ("1234.5", ACCOUNTING, "1,234.50", "1234.5", False),
    ("-1234.5", ACCOUNTING, "(1,234.50)", "-1234.5", False),
    ("0", ACCOUNTING, "-", "0", False),
    ("-5", BALBOAS, "-B/.5.00", "-5", False),
    ("0", BALBOAS, "B/.-", "0", False),
    ("-1234.5", "#,##0.00\\ [$€-C0A]", "-1,234.50 €", "-1234.5", False),
    ("-5", "0.00;[Red]0.00", "5.00", "5", False),
    ("-5", "0;0", "5", "5", False),
    ("5", ";;;", "", None, False),
    ("0", "0;-0;;@", "", None, False),
    ("0", "#", "", None, False),
    ("5", '"x"', "x", None, False),
    ("5", "0.00-", "5.00-", "-5", False),
    ("5", '0.00"-"', "5.00-", "-5", False),
    ("5", "0.00\\ \N{MINUS SIGN}", "5.00 \N{MINUS SIGN}", "-5", False),
    ("5", "0.00- [$€-2]", "5.00- €", "-5", False),
    ("5", "0.00 [$€-2]-", "5.00 €-", "-5", False),
    ("5", "General-", "5-", "-5", True),
    ("5", "0E+00-", "5E+00-", "-5", False),
    ("5", '"-"0E+00', "-5E+00", "-5", False),
    ("-5", "0.00;0.00-", "5.00-", "-5", False),
    ("5", '0 "t-shirts"', "5 t-shirts", "5", True),
    ("150", "[>100]0.0;0", "150.0", "150", False),
    ("50", "[>100]0.0;0", "50", "50", True),
    ("5", "[>100]0;[<0]0", "#####", None, False),
    ("0.5", "# ?/?", "# ?/?", None, False),
]


@pytest.mark.parametrize(("held", "code", "text", "number", "is_text"), SHOWN)
def test_show_number(held: str, code: str, text: str, number: str | None, is_text: bool) -> None:
    """A number is shown as its format says, and read as a person reads it."""
    shown = show_number(Decimal(held), code)

    assert (shown.text, shown.is_text) == (text, is_text)
    assert shown.number == (None if number is None else Decimal(number))
    assert not shown.is_percent
    assert not shows_exactly(Decimal(held), code) or shown.number == Decimal(held)


@given(
    st.decimals(0, 10**12, places=6) | st.decimals(0, 1, places=12) | st.integers(0).map(Decimal),
    st.sampled_from(["General", "0", "0.00", "#,##0.000", CURRENCY, ACCOUNTING, "0.0#", "0,"]),
)
def test_shows_exactly(held: Decimal, code: str) -> None:
    """A number that passes as shown exactly is read as it is held."""
    if shows_exactly(held, code):
        assert show_number(held, code).number == held


@pytest.mark.parametrize(
    ("held", "code", "text"),
    [
        ("0.07", "0%", "7%"),
        ("0.075", "0.0%", "7.5%"),
        ("7", "0%", "700%"),
        ("7", '0"%"', "7%"),
        ("7", "0\\%", "7%"),
        ("7", '0.0" %"', "7.0 %"),
        ("7", '"%"0', "%7"),
        ("7", "0\N{PER MILLE SIGN}", "7\N{PER MILLE SIGN}"),
        ("7", 'General"%"', "7%"),
        ("7", '0E+00"%"', "7E+00%"),
        ("7", "0E+00%", "7E+02%"),
    ],
)
def test_percentage(held: str, code: str, text: str) -> None:
    """A percentage is known as one."""
    shown = show_number(Decimal(held), code)

    assert (shown.text, shown.is_percent) == (text, True)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("General", "a"),
        ("@", "a"),
        ("0.00", "a"),
        ('"C-"@', "C-a"),
        (";;;", ""),
        ('0;0;0;"x"@', "xa"),
    ],
)
def test_show_text(code: str, text: str) -> None:
    """A format may add to a text, or hide it."""
    assert show_text("a", code) == text


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("yyyy-mm-dd", "dmyc"),
        ("dd/mm/yyyy hh:mm:ss", "dmyc"),
        ("m/d/yy h:mm", "dmy"),
        ('[$-C0A]d\\ "de"\\ mmmm\\ "de"\\ yyyy;@', "dmyc"),
        ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "dmyc"),
        ("mmm-yy", "my"),
        ("d-mmm", "dm"),
        ("dddd", ""),
        ("h:mm AM/PM", ""),
        ("[h]:mm", ""),
        ("mm:ss", ""),
        ("yyyy", "yc"),
    ],
)
def test_date_parts(code: str, shown: str) -> None:
    """It is known which parts of a date a format shows; minutes are not months."""
    parts = date_parts(code)

    found = [parts.has_day, parts.has_month, parts.has_year, parts.has_century]
    assert "".join(part for part, is_shown in zip("dmyc", found, strict=True) if is_shown) == shown
