"""Words, days and numbers in each language."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

import p4books
from p4books.publish.language import LANGUAGES, Language, format_amount
from p4books.publish.statements.accounts import AGES
from p4books.publish.statements.content import COLUMNS
from p4books.publish.statements.labels import load_labels

PACKAGE = Path(p4books.__file__).parent
EN, ES = (Language(code) for code in LANGUAGES)


@pytest.mark.parametrize("language", [EN, ES])
def test_every_word_is_there(language: Language) -> None:
    """Each word that is asked for by name exists in both languages, and none is for nothing."""
    words = language.words()
    python = "".join(file.read_text() for file in PACKAGE.rglob("*.py"))
    layouts = "".join(file.read_text() for file in PACKAGE.rglob("*.typ"))
    pages = "".join(file.read_text() for file in PACKAGE.rglob("*.html"))

    asked = set(re.findall(r"\bword\(\s*\"(\w+)\"", python + pages))
    labels = set(re.findall(r"words\.(\w+)", layouts)) | set(COLUMNS) | set(AGES)
    assert asked <= set(words)
    assert labels <= set(load_labels(language))
    asked |= labels
    assert set(words) <= asked | set(re.findall(r"\"(\w+)\"", python))
    assert all(words.values())


def test_words_have_the_same_places_for_values() -> None:
    """A sentence with a value in it has it in both languages, or some reader would miss it."""

    def places(language: Language) -> dict[str, list[str]]:
        return {
            name: sorted(re.findall(r"{(\w+)", text)) for name, text in language.words().items()
        }

    assert places(EN) == places(ES)


def test_unknown_word() -> None:
    """A word that does not exist is an error, not an empty cell."""
    with pytest.raises(KeyError):
        EN.word("nonsense")


def test_days_and_months() -> None:
    """Spanish writes the day first, English the month in letters."""
    day = date(2026, 1, 9)
    assert (ES.day(day), EN.day(day)) == ("09/01/2026", "9 Jan 2026")
    assert (ES.month(day), EN.month(day)) == ("ene 2026", "Jan 2026")


def test_instants_are_in_the_tenants_zone() -> None:
    """An instant is written as the clock on the tenant's wall shows it."""
    instant = datetime(2026, 11, 1, 3, 5, 59, tzinfo=UTC)
    assert ES.instant(instant, "America/Panama") == "31/10/2026 22:05"
    assert EN.instant(instant, "UTC") == "1 Nov 2026 03:05"


def test_flags_and_shares() -> None:
    """Flags are words, shares percent; what is unknown is empty."""
    assert (ES.flag(True), ES.flag(False), EN.flag(True)) == ("SÍ", "NO", "YES")
    assert (ES.share(Decimal("-0.1234")), EN.share(12.5)) == ("-12.3\xa0%", "1,250.0%")
    assert ES.share(None) == ""


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234567.5", "1,234,567.50"), ("-0.10", "-0.10"), ("0", "0.00"), ("-1234.56", "-1,234.56")],
)
def test_amounts(amount: str, text: str) -> None:
    """Amounts have cents, a point before them and commas for thousands."""
    assert format_amount(Decimal(amount)) == text
