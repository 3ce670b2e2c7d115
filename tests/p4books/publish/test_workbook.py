"""Excel workbook with one sheet per model."""

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
Write = Callable[..., Written]

AGING = """-- One row per customer.
-- key: customer_id
-- question: Who owes us?
select * from (
    values
        ('007', 0.00::decimal(18, 2), 12.30::decimal(18, 2), '1-30', 0.5::decimal(9, 6), true),
        ('1', -5.00, null, 'current', 1, null)
) as given (customer_id, current_balance, days_1_30, aging_bucket, share_overdue, is_late)"""
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
INSTANTS = """-- One row.
select
    timestamptz '2026-03-31T10:00:01Z' as seen_at,
    date '2026-03-31' as due_on,
    timestamp '2026-03-31 10:00:00' as local,
    date '1899-12-31' as old_on,
    date '1900-03-01' as first_on"""


def write_and_load(published: Path, sheet_rows: int = MAX_ROWS) -> Written:
    file = published.with_suffix(".xlsx")
    with open_published(published) as con:
        contents = write_workbook(con, list_models(con), file, sheet_rows)
    return contents, load_workbook(file, rich_text=False)


@pytest.fixture(scope="module")
def written(publish_shared: Files) -> Written:
    """A workbook of a few models, only to be read, and what its sheets contain."""
    values = ", ".join(f"{value} as v{index}" for index, value in enumerate(VALUES))
    return write_and_load(
        publish_shared(
            "customer_id,Whose it is.\n",
            reporting__ar_aging=AGING,
            custom__top="-- One row.\nselect 1 as one where false",
            core__instants=INSTANTS,
            core__values=f"-- One row.\nselect {values}",
        )
    )


@pytest.fixture
def write(publish_models: Files) -> Write:
    """Publish models, write them as a workbook and load it."""

    def write(sheet_rows: int = MAX_ROWS, **files: str) -> Written:
        return write_and_load(publish_models(**files), sheet_rows)

    return write


def read_rows(sheet: Worksheet) -> list[tuple[Any, ...]]:
    """Return the rows below the column names."""
    width = sum(cell.value is not None for cell in sheet[HEADER_ROW + 1])
    return list(sheet.iter_rows(min_row=HEADER_ROW + 2, max_col=width, values_only=True))


def test_sheet(written: Written) -> None:
    """A sheet has its question, its grain, its columns and its rows."""
    sheets, book = written

    sheet = book["ar_aging"]
    assert sheet["A1"].value == "Who owes us?"
    assert sheet["B2"].value == "One row per customer."
    assert [cell.value for cell in sheet[HEADER_ROW + 1]] == [
        "customer_id",
        "current_balance",
        "days_1_30",
        "aging_bucket",
        "share_overdue",
        "is_late",
    ]
    assert read_rows(sheet) == [
        ("007", 0, 12.3, "1-30", 0.5, True),
        ("1", -5, None, "current", 1, None),
    ]
    (aging,) = (sheet for sheet in sheets if sheet.name == "ar_aging")
    assert (aging.rows, aging.cut, aging.is_complete) == (2, 0, True)


def test_header(written: Written) -> None:
    """The column names stay visible, on paper too, and each has a filter over all rows."""
    sheet = written[1]["ar_aging"]

    assert sheet.freeze_panes == "A4"
    assert sheet.auto_filter.ref == "A3:F5"
    assert sheet.print_title_rows == "$3:$3"


def test_meanings_of_columns(written: Written) -> None:
    """The meaning of a column is a note on its name; without a meaning there is none."""
    names = written[1]["ar_aging"][HEADER_ROW + 1]

    assert names[0].comment.text == "Whose it is."
    assert names[1].comment is None


def test_colors_of_overdue_amounts(written: Written) -> None:
    """Amounts and words of an age are colored, each by its own rule."""
    formatting = written[1]["ar_aging"].conditional_formatting

    rules = {str(cells.sqref): [rule.formula[0] for rule in cells.rules] for cells in formatting}
    assert rules == {
        "B4:B5": ["0"],
        "C4:C5": ["0"],
        "D4:D5": ['"current"', '"1-30"', '"31-60"', '"61-90"', '"90+"'],
    }


def test_contents(written: Written) -> None:
    """The first sheet says whose books these are, as of when, and links to each sheet."""
    book = written[1]

    first = book.worksheets[0]
    assert [first.cell(row, 1).value for row in (1, 2, 3)] == [
        "Books of acme",
        "As of 2026-03-31.",
        "Published 2026-03-31 07:45:00. All times are in the time zone America/Panama.",
    ]
    assert list(first.iter_rows(min_row=5, values_only=True)) == [
        ("Sheet", "Question", "What a row is", "Layer", "Rows"),
        ("instants", "", "One row.", "core", 1),
        ("values", "", "One row.", "core", 1),
        ("ar_aging", "Who owes us?", "One row per customer.", "reporting", 2),
        ("top", "", "One row.", "custom", 0),
    ]
    assert first["A8"].hyperlink.location == "'ar_aging'!A1"
    assert book["ar_aging"]["A2"].hyperlink.location == "'Contents'!A1"


def test_list_that_is_not_copied_yet(write: Write) -> None:
    """If a list is not in any figure yet, the first sheet says so."""
    _, book = write(core__as_of="-- One row.\nselect 'invoices, vendors' as missing_lists")

    note = book.worksheets[0]["A4"].value
    assert note == "Not copied yet, so not in any figure: invoices, vendors."


def test_current_to(write: Write) -> None:
    """The first sheet says up to when all lists are known, which may be before the as-of day."""
    current_to = "timestamptz '2026-03-29T15:00:00Z' as current_to"
    _, book = write(core__as_of=f"-- One row.\nselect '' as missing_lists, {current_to}")

    as_of = book.worksheets[0]["A2"].value
    assert as_of == "As of 2026-03-31, current to 2026-03-29 10:00:00."


def test_instants(written: Written) -> None:
    """Instants are in the tenant's time zone; dates and local times are unchanged."""
    assert read_rows(written[1]["instants"]) == [
        (
            datetime(2026, 3, 31, 5, 0, 1),  # noqa: DTZ001 - Excel has no time zones
            datetime(2026, 3, 31),  # noqa: DTZ001
            datetime(2026, 3, 31, 10),  # noqa: DTZ001
            "1899-12-31",
            datetime(1900, 3, 1),  # noqa: DTZ001
        )
    ]


@pytest.mark.parametrize("value", VALUES)
def test_values(written: Written, value: str) -> None:
    """A value is unchanged in its cell, or its text if Excel would change it."""
    ((*row,),) = read_rows(written[1]["values"])

    assert row[list(VALUES).index(value)] == VALUES[value]


def test_too_many_rows(write: Write) -> None:
    """A sheet has the first rows that fit; it and the contents say what is missing."""
    many = "-- One row.\n-- key: i\nselect i from range(100) as r (i)"

    (sheet,), book = write(core__many=many, sheet_rows=10)

    assert read_rows(book["many"]) == [(number,) for number in range(7)]
    assert book["many"]["B2"].value == "Only the first 7 of 100 rows fit; the CSV file has all."
    assert book["Contents"]["F6"].value == (
        "Contains the first 7 of 100 rows; the CSV file beside it is complete."
    )
    assert not sheet.is_complete


def test_too_long_text(write: Write) -> None:
    """A text is cut to the size of a cell, and the contents say so."""
    (sheet,), book = write(
        core__long="-- One row.\nselect repeat('x', 40_000) as text, 'y' as more"
    )

    ((text, more),) = read_rows(book["long"])
    assert (len(text), text[-2:], more) == (32_767, "x…", "y")
    assert book["Contents"]["F6"].value == (
        "Contains 1 text cut at 32,767 characters; the CSV file beside it is complete."
    )
    assert not sheet.is_complete


def test_sheet_names() -> None:
    """The names are valid in Excel and unique."""
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
