"""Words, dates and amounts of a statement in each language."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import p4books.publish.statements as package
from p4books.publish.statements.accounts import AGES
from p4books.publish.statements.content import COLUMNS
from p4books.publish.statements.labels import LANGUAGES, Language, format_amount

FOLDER = Path(package.__file__).parent


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_word_is_there(code: str) -> None:
    """Each word that the layout and the workbook use exists, and none is for nothing."""
    words = Language(code).words()
    layout = (FOLDER / "statement.typ").read_text()
    python = "".join((FOLDER / f"{name}.py").read_text() for name in ("content", "workbook"))

    in_layout = set(re.findall(r"words\.(\w+)", layout))
    in_python = set(re.findall(r'"(\w+)"', python))
    assert in_layout | set(COLUMNS) | set(AGES) <= set(words)
    assert set(words) <= in_layout | in_python | set(AGES)
    assert all(words.values())


def test_days() -> None:
    """Spanish writes the day first, English the month in letters."""
    assert Language("es").day(date(2026, 3, 9)) == "09/03/2026"
    assert Language("en").day(date(2026, 3, 9)) == "9 Mar 2026"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234567.5", "1,234,567.50"), ("-0.10", "-0.10"), ("0", "0.00"), ("-1234.56", "-1,234.56")],
)
def test_amounts(amount: str, text: str) -> None:
    """Amounts have cents, a point before them and commas for thousands."""
    assert format_amount(Decimal(amount)) == text
