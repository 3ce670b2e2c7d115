"""What a workbook is: whose books, as of when, how fresh, and what is missing."""

from xlsxwriter.worksheet import Worksheet

from p4books.publish.figures.overview import Freshness
from p4books.publish.headlines import describe_as_of, describe_missing, describe_published
from p4books.publish.period import Period
from p4books.publish.workbook.sheet import SheetStyle


def write_about(
    page: Worksheet,
    freshness: Freshness,
    style: SheetStyle,
    title: str,
    period: Period | None = None,
) -> int:
    """Write on top of a sheet what the workbook is; return the row after it.

    `title` is a word with the place `{tenant}`; `period` is that of the lists by date.
    """
    language, formats = style.language, style.formats
    page.set_row(0, 24)
    page.write_string(0, 0, language.word(title, tenant=freshness.tenant), formats.title)
    lines = [describe_as_of(freshness, language), describe_published(freshness, language)]
    if period:
        name = "period_chosen" if period.is_chosen else "period_default"
        lines.append(language.word(name, period=period.describe(language)))
    for row, line in enumerate(lines, 1):
        page.write_string(row, 0, line, formats.plain)
    row = len(lines) + 1
    if missing := describe_missing(freshness, language, style.values):
        page.write_string(row, 0, missing, formats.warning)
        row += 1
    return row
