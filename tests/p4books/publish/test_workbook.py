"""How do models become one workbook?"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from p4books.publish.query import list_models, open_published
from p4books.publish.workbook import (
    HEADER_ROW,
    MAX_ROWS,
    SheetContents,
    sheet_names,
    write_workbook,
)

Files = Callable[..., Path]
Written = tuple[list[SheetContents], Workbook]
Make = Callable[..., Written]

AGING = """-- One row per customer.
-- key: customer_id
-- question: Who owes us?
select * from (
    values
        ('007', 0.00::decimal(18, 2), 12.30::decimal(18, 2), '1-30', 0.5::decimal(9, 6), true),
        ('1', -5.00, null, 'current', 1, null)
) as given (customer_id, current_balance, days_1_30, aging_bucket, share_overdue, is_late)"""


@pytest.fixture
def make(publish_models: Files, tmp_path: Path) -> Make:
    """Publish models, write them all as a workbook, and open it."""

    def write(meanings: str = "", most: int = MAX_ROWS, **files: str) -> Written:
        out = tmp_path / "acme.xlsx"
        with open_published(publish_models(meanings, **files)) as con:
            held = write_workbook(con, list_models(con), out, most)
        return held, load_workbook(out, rich_text=False)

    return write


def rows(sheet: Worksheet) -> list[tuple[Any, ...]]:
    """Give the rows below the names of the columns."""
    width = sum(each.value is not None for each in sheet[HEADER_ROW + 1])
    return list(sheet.iter_rows(min_row=HEADER_ROW + 2, max_col=width, values_only=True))


def test_a_sheet(make: Make) -> None:
    """A sheet has its question, its grain, its columns, and its rows as they are."""
    (held,), book = make(reporting__ar_aging=AGING)

    sheet = book["ar_aging"]
    assert sheet["A1"].value == "Who owes us?"
    assert sheet["B2"].value == "One row per customer."
    assert [each.value for each in sheet[HEADER_ROW + 1]] == [
        "customer_id",
        "current_balance",
        "days_1_30",
        "aging_bucket",
        "share_overdue",
        "is_late",
    ]
    assert rows(sheet) == [
        ("007", 0, 12.3, "1-30", 0.5, True),
        ("1", -5, None, "current", 1, None),
    ]
    assert (held.rows, held.cut, held.is_whole) == (2, 0, True)


def test_the_head_stays_and_filters(make: Make) -> None:
    """The names stay in sight, on paper too, and each has a filter over all rows."""
    _, book = make(reporting__ar_aging=AGING)

    sheet = book["ar_aging"]
    assert sheet.freeze_panes == "A4"
    assert sheet.auto_filter.ref == "A3:F5"
    assert sheet.print_title_rows == "$3:$3"


def test_a_column_says_what_it_means(make: Make) -> None:
    """What a column means is a note at its name; one without meaning has none."""
    _, book = make("customer_id,Whose it is.\n", reporting__ar_aging=AGING)

    names = book["ar_aging"][HEADER_ROW + 1]
    assert names[0].comment.text == "Whose it is."
    assert names[1].comment is None


def test_what_is_late_is_coloured(make: Make) -> None:
    """Amounts and words of age are coloured, each by a rule of its own."""
    _, book = make(reporting__ar_aging=AGING)

    rules = {
        str(place.sqref): [rule.formula[0] for rule in place.rules]
        for place in book["ar_aging"].conditional_formatting
    }
    assert rules == {
        "B4:B5": ["0"],
        "C4:C5": ["0"],
        "D4:D5": ['"current"', '"1-30"', '"31-60"', '"61-90"', '"90+"'],
    }


def test_contents(make: Make) -> None:
    """The first sheet says whose books these are, as of when, and leads to each sheet and back."""
    _, book = make(
        reporting__ar_aging=AGING, custom__top="-- One row.\nselect 1 as one where false"
    )

    first = book.worksheets[0]
    told = [first.cell(row, 1).value for row in (1, 2, 3)]
    assert told == [
        "Books of acme",
        "As of 2026-03-31, known to 2026-03-31 07:30:00.",
        "Published 2026-03-31 07:45:00. All instants are told in the time zone America/Panama.",
    ]
    assert list(first.iter_rows(min_row=5, values_only=True)) == [
        ("Sheet", "Question", "What a row is", "Layer", "Rows"),
        ("ar_aging", "Who owes us?", "One row per customer.", "reporting", 2),
        ("top", "", "One row.", "custom", 0),
    ]
    assert first["A6"].hyperlink.location == "'ar_aging'!A1"
    assert book["ar_aging"]["A2"].hyperlink.location == "'Contents'!A1"


def test_a_list_that_is_not_copied_yet(make: Make) -> None:
    """Where a list is in no figure yet, the first sheet says so."""
    _, book = make(core__as_of="-- One row.\nselect 'invoices, vendors' as missing_lists")

    told = book.worksheets[0]["A4"].value
    assert told == "Not copied yet, and in no figure: invoices, vendors."


def test_instants_are_in_the_tenants_zone(make: Make) -> None:
    """An instant is told in the zone that the contents name; a day and an hour without are kept."""
    _, book = make(
        core__one="-- One row.\nselect timestamptz '2026-03-31T10:00:01Z' as seen_at,"
        " date '2026-03-31' as due_on, timestamp '2026-03-31 10:00:00' as local,"
        " date '1899-12-31' as old_on, date '1900-03-01' as first_on"
    )

    assert rows(book["one"]) == [
        (
            datetime(2026, 3, 31, 5, 0, 1),  # noqa: DTZ001 - Excel has no zones
            datetime(2026, 3, 31),  # noqa: DTZ001
            datetime(2026, 3, 31, 10),  # noqa: DTZ001
            "1899-12-31",
            datetime(1900, 3, 1),  # noqa: DTZ001
        )
    ]


VALUES = {
    "123456789012.345::decimal(18, 3)": 123456789012.345,
    "1234567890123456.78::decimal(18, 2)": "1234567890123456.78",
    "9007199254740993::bigint": "9007199254740993",
    "0.000001::decimal(18, 6)": 0.000001,
    "'=1+1'": "=1+1",
    "'https://example.com'": "https://example.com",
    "'007'": "007",
    "''": "",
    "' two  spaces '": " two  spaces ",
    "'a' || chr(1) || chr(11) || 'b'": "a_x0001__x000B_b",
    "'line' || chr(10) || 'line'": "line\nline",
    "'<r><t>x</t></r>'": "<r><t>x</t></r>",
    "'<b>& \"Sons\"</b>'": '<b>& "Sons"</b>',
    "'Ñandú 🛒'": "Ñandú 🛒",
    "'nan'::double": "nan",
    "'-infinity'::double": "-inf",
    "[1.10::decimal(9, 2), null]": "[1.10, NULL]",
    "{'a': 1}": "{'a': 1}",
    "time '10:00:00'": "10:00:00",
    "interval '1 month'": "1 month",
    "'12000-01-01'::date": "12000-01-01",
}


@pytest.mark.parametrize("value", VALUES)
def test_values(make: Make, value: str) -> None:
    """A value is itself in its cell, or, where Excel would make another of it, its text."""
    _, book = make(core__one=f"-- One row.\nselect {value} as one")

    assert rows(book["one"]) == [(VALUES[value],)]


def test_too_many_rows(make: Make) -> None:
    """A sheet holds the first rows that fit, and it and the contents say what is missing."""
    many = "-- One row.\n-- key: i\nselect i from range(100) as r (i)"

    (held,), book = make(core__many=many, most=10)

    assert rows(book["many"]) == [(number,) for number in range(7)]
    assert book["many"]["B2"].value == (
        "Only the first 7 of 100 rows fit on a sheet; the CSV has all."
    )
    assert book["Contents"]["F6"].value == (
        "Holds the first 7 of 100 rows; the CSV beside has all."
    )
    assert not held.is_whole


def test_a_text_that_is_too_long(make: Make) -> None:
    """A text is cut to what a cell holds, and the contents say so."""
    (held,), book = make(core__long="-- One row.\nselect repeat('x', 40_000) as text, 'y' as more")

    ((text, more),) = rows(book["long"])
    assert (len(text), text[-2:], more) == (32_767, "x…", "y")
    assert book["Contents"]["F6"].value == (
        "Holds 1 text cut at 32,767 letters; the CSV beside has all."
    )
    assert not held.is_whole


def test_sheet_names() -> None:
    """Sheets have names that Excel takes, no two alike."""
    long = "customers_who_have_not_paid_for_long"

    names = sheet_names(["vendors", "vendors", "contents", "history", long, long])

    assert names == [
        "vendors",
        "vendors 2",
        "contents 2",
        "history 2",
        "customers_who_have_not_paid_for",
        "customers_who_have_not_paid_f 2",
    ]
