"""Words, days and numbers of what people read, in English and Spanish.

The words are in `words.csv` beside this file. The Spanish is that of Panama's accountants, and
numbers are written as in Panama in both languages: 1,234.56. Labels of models and columns are not
here but in the published file.
"""

import calendar
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

LANGUAGES = ("en", "es")

_WORDS = Path(__file__).with_name("words.csv")
_EXCEL_LOCALES = {  # the names of months in this language, whatever that of the program
    "en": "[$-409]",  # United States
    "es": "[$-180A]",  # Panama
}
_MONTHS_ES = ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"]


@dataclass(frozen=True)
class Language:
    """A language of LANGUAGES: its words, and how it writes days and flags."""

    code: str

    def word(self, name: str, **values: object) -> str:
        """Return the words of that name, with values in place of its `{names}`.

        Raises KeyError if there are no such words, or a value is missing.
        """
        text = self.words()[name]
        return text.format(**values) if values else text

    def words(self) -> Mapping[str, str]:
        """Return all words by their names."""
        return _load_words()[self.code]

    def day(self, day: date) -> str:
        """Write a day: 31/10/2026 in Spanish, 31 Oct 2026 in English."""
        if self.code == "es":
            return f"{day.day:02}/{day.month:02}/{day.year:04}"
        return f"{day.day} {calendar.month_abbr[day.month]} {day.year}"

    def month(self, month: date) -> str:
        """Write a month: oct 2026 in Spanish, Oct 2026 in English."""
        names = _MONTHS_ES if self.code == "es" else calendar.month_abbr[1:]
        return f"{names[month.month - 1]} {month.year}"

    def instant(self, instant: datetime, timezone: str) -> str:
        """Write an instant to the minute in a time zone: 31/10/2026 14:05."""
        local = instant.astimezone(ZoneInfo(timezone))
        return f"{self.day(local.date())} {local:%H:%M}"

    def flag(self, flag: bool) -> str:
        """Write a flag as accountants do, in capitals."""
        return self.word("yes" if flag else "no")

    def share(self, share: Decimal | float | None) -> str:
        """Write a share of 1 in percent: 12.3 % in Spanish, 12.3% in English; None is empty."""
        if share is None:
            return ""
        return f"{share:,.1%}" if self.code == "en" else f"{100 * share:,.1f}\N{NO-BREAK SPACE}%"

    @property
    def excel_day(self) -> str:
        """Excel's number format of a day."""
        return "dd/mm/yyyy" if self.code == "es" else f"{_EXCEL_LOCALES['en']}d mmm yyyy"

    @property
    def excel_month(self) -> str:
        """Excel's number format of a month."""
        return f"{_EXCEL_LOCALES[self.code]}mmm yyyy"


def format_amount(amount: Decimal | None) -> str:
    """Write an amount as 1,234.56, as Panama does in both languages; None is empty."""
    return "" if amount is None else f"{amount:,.2f}"


@cache
def _load_words() -> dict[str, dict[str, str]]:
    with _WORDS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {code: {row["name"]: row[code] for row in rows} for code in LANGUAGES}
