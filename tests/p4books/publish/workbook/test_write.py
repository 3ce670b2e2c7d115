"""Workbook with a contents and one sheet per model."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from tests.p4books.publish.workbook.conftest import (
    Export,
    find_header,
    read_header,
    read_rows,
    read_totals,
)

from p4books.publish.language import Language
from p4books.publish.period import DEFAULT_PERIOD
from p4books.publish.query import list_models, open_published, read_about
from p4books.publish.workbook.sheet import MAX_ROWS, SheetContents
from p4books.publish.workbook.write import WorkbookOptions, write_workbook

Files = Callable[..., Path]
Written = tuple[list[SheetContents], Workbook]
Write = Callable[..., Written]

AGING = """-- One row per customer.
-- key: customer_id
-- title_en: Receivables ageing, customer by customer
-- title_es: Antigüedad de saldos
-- question: Who owes us?
select * from (
    values
        ('007', 0.00::decimal(18, 2), 12.30::decimal(18, 2), '1-30', 0.5::decimal(9, 6), true),
        ('1', -5.00, null, 'current', 1, null)
) as given (customer_id, current_balance, days_1_30, aging_bucket, share_overdue, is_late)"""
SALES = """-- One row per invoice.
-- key: invoice_id
-- order: invoice_id
-- period: document_on
-- total: net
select * from (
    values
        ('b1', '=cmd|x', 'F-1', date '2024-03-31', 0.10::decimal(18, 2)),
        ('b2', 'Ñandú', 'F-2', date '2026-03-01', 0.20),
        ('b3', 'مخزن النور', 'F-3', date '2024-04-01', -0.60),
        ('b4', 'Óptica', 'F-4', null, 0.30),
        ('b5', 'Óptica', 'F-5', date '2027-01-01', 1000.00),
        ('b6', 'Óptica', 'F-6', date '2026-03-02', 0.40)
) as given (invoice_id, customer_name, invoice_code, document_on, net)"""
PERIOD = "Lists by date have the rows since 1 Apr 2024;"
VALUE_LABELS = (
    "column,value,label_en,label_es\n"
    "aging_bucket,1-30,1 to 30 days,1 a 30 días\naging_bucket,current,Not due,Por vencer\n"
)
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


def write_and_load(published: Path, sheet_rows: int = MAX_ROWS, code: str = "en") -> Written:
    file = published.with_suffix(".xlsx")
    with open_published(published) as con:
        about = read_about(con)
        period = DEFAULT_PERIOD.resolve(about["as_of_on"], about["timezone"])
        options = WorkbookOptions(Language(code), period, sheet_rows=sheet_rows)
        contents = write_workbook(con, list_models(con), file, options)
    return contents, load_workbook(file, rich_text=False, data_only=True)


@pytest.fixture(scope="module")
def written(published: Path) -> Written:
    """A workbook of a few models, only to be read, and what its sheets contain."""
    return write_and_load(published)


@pytest.fixture(scope="module")
def escrito(published: Path) -> Written:
    """The same in Spanish."""
    return write_and_load(published, code="es")


@pytest.fixture(scope="module")
def published(publish_shared: Files) -> Path:
    """A published file of a few models."""
    values = ", ".join(f"{value} as v{index}" for index, value in enumerate(VALUES))
    return publish_shared(
        "customer_id,Whose it is.\n",
        VALUE_LABELS,
        reporting__ar_aging=AGING,
        reporting__sales=SALES,
        custom__top="-- One row.\nselect 1 as one where false",
        core__instants=INSTANTS,
        core__values=f"-- One row.\nselect {values}",
    )


@pytest.fixture
def write(publish_models: Files) -> Write:
    """Publish models, write them as a workbook and load it."""

    def write(sheet_rows: int = MAX_ROWS, **files: str) -> Written:
        return write_and_load(publish_models(**files), sheet_rows)

    return write


def test_sheet(written: Written) -> None:
    """A sheet has its title, its question, its grain, its columns and its rows."""
    sheets, book = written

    sheet = book["Receivables ageing, customer"]
    assert sheet["A1"].value == "Receivables ageing, customer by customer"
    assert (sheet["B2"].value, sheet["B3"].value) == ("Who owes us?", "One row per customer.")
    assert read_header(sheet) == [
        "customer_id",
        "current_balance",
        "days_1_30",
        "aging_bucket",
        "share_overdue",
        "is_late",
    ]
    assert read_rows(sheet) == [
        ("007", 0, 12.3, "1 to 30 days", 0.5, "YES"),
        ("1", -5, None, "Not due", 1, None),
    ]
    (aging,) = (sheet for sheet in sheets if sheet.model.model == "ar_aging")
    assert (aging.rows, aging.cut, aging.is_complete) == (2, 0, True)


def test_spanish(escrito: Written) -> None:
    """Titles, flags, words and days are in Spanish; what has no Spanish is as it is."""
    book = escrito[1]

    sheet = book["Antigüedad de saldos"]
    assert [row[3:] for row in read_rows(sheet)] == [
        ("1 a 30 días", 0.5, "SÍ"),
        ("Por vencer", 1, None),
    ]
    rules = {str(cells.sqref): cells.rules for cells in sheet.conditional_formatting}
    assert [rule.formula[0] for rule in rules["D5:D6"]] == [
        *('"Por vencer"', '"1 a 30 días"', '"31-60"', '"61-90"', '"90+"'),
    ]
    assert book.properties.title == "Libros de acme"
    assert sheet.oddFooter.right.text == "Página &P de &N"
    assert book["core.instants"]["B5"].number_format == "dd/mm/yyyy"


def test_header(written: Written) -> None:
    """The column names stay visible, on paper too, and each has a filter over all rows."""
    sheet = written[1]["Receivables ageing, customer"]

    assert sheet.freeze_panes == "A5"
    assert sheet.auto_filter.ref == "A4:F6"
    assert sheet.print_title_rows == "$4:$4"


def test_columns(written: Written) -> None:
    """What names a row comes first and stays visible; ids are last, in a closed group."""
    sheet = written[1]["reporting.sales"]

    assert read_header(sheet) == [
        *("document_on", "invoice_code", "customer_name", "net", "invoice_id")
    ]
    assert sheet.freeze_panes == "D6"
    group = sheet.column_dimensions["E"]
    assert (group.hidden, group.outline_level) == (True, 1)


def test_rows_of_a_list_by_date(written: Written) -> None:
    """The newest month comes first; of what is over, the last 24 months, and the sheet says so.

    A row without a day, or with one to come, is a fault in the books that has to be seen.
    """
    sheets, book = written
    sheet = book["reporting.sales"]

    assert [row[1] for row in read_rows(sheet)] == ["F-5", "F-2", "F-6", "F-3", "F-4"]
    assert read_rows(sheet)[3][2] == "مخزن النور"
    assert sheet["B3"].value == (
        "One row per invoice. Rows: since 1 Apr 2024. 1 more are outside this period."
    )
    (sales,) = (sheet for sheet in sheets if sheet.model.model == "sales")
    assert (sales.rows, sales.outside, sales.is_complete) == (5, 1, True)
    assert read_totals(sheet)[0][:4] == ("Total of the rows shown", None, None, 1000.30)


def test_meanings_of_columns(written: Written) -> None:
    """The meaning of a column is a note on its name; without a meaning there is none."""
    sheet = written[1]["Receivables ageing, customer"]

    names = sheet[find_header(sheet)]
    assert names[0].comment.text == "Whose it is."
    assert names[1].comment is None


def test_colors_of_overdue_amounts(written: Written) -> None:
    """What is owed and words of an age are colored, each by its own rule; credits are not."""
    formatting = written[1]["Receivables ageing, customer"].conditional_formatting

    rules = {
        str(cells.sqref): [(rule.operator, rule.formula[0]) for rule in cells.rules]
        for cells in formatting
    }
    words = ("Not due", "1 to 30 days", "31-60", "61-90", "90+")
    assert rules == {
        "B5:B6": [("greaterThan", "0")],
        "C5:C6": [("greaterThan", "0")],
        "D5:D6": [("equal", f'"{word}"') for word in words],
    }


def test_contents(written: Written) -> None:
    """The first sheet says whose books these are, as of when, and links to each sheet."""
    book = written[1]

    first = book.worksheets[0]
    assert [first.cell(row, 1).value for row in (1, 2, 3, 4)] == [
        "Books of acme",
        "As of 31 Mar 2026.",
        "Published 31 Mar 2026 07:45; all times are in the time zone America/Panama.",
        (
            f"{PERIOD} `p4books export --all-rows` writes all rows, "
            "`--month 2026-11` those of a month."
        ),
    ]
    assert list(first.iter_rows(min_row=6, values_only=True)) == [
        ("Report", "Question", "Rows", "Rows outside the period", "Model"),
        ("reporting", None, None, None, None),
        ("Receivables ageing, customer by customer", "Who owes us?", 2, 0, "reporting.ar_aging"),
        ("reporting.sales", None, 5, 1, "reporting.sales"),
        ("custom", None, None, None, None),
        ("custom.top", None, 0, 0, "custom.top"),
        ("core", None, None, None, None),
        ("core.instants", None, 1, 0, "core.instants"),
        ("core.values", None, 1, 0, "core.values"),
    ]
    assert first["A8"].hyperlink.location == "'Receivables ageing, customer'!A1"
    back = book["Receivables ageing, customer"]["A2"]
    assert (back.value, back.hyperlink.location) == ("← Contents", "'Contents'!A1")


def test_list_that_is_not_copied_yet(write: Write) -> None:
    """If a list is not in any figure yet, the first sheet says so."""
    _, book = write(core__as_of="-- One row.\nselect 'invoices, vendors' as missing_lists")

    note = book.worksheets[0]["A5"].value
    assert note == "Not copied yet, so not in any figure: invoices, vendors."


def test_current_to(write: Write) -> None:
    """The first sheet says up to when all lists are known, which may be before the as-of day."""
    current_to = "timestamptz '2026-03-29T15:00:00Z' as current_to"
    _, book = write(core__as_of=f"-- One row.\nselect '' as missing_lists, {current_to}")

    as_of = book.worksheets[0]["A2"].value
    assert as_of == "As of 31 Mar 2026. Current to 29 Mar 2026 10:00."


def test_instants(written: Written) -> None:
    """Instants are in the tenant's time zone; dates and local times are unchanged."""
    assert read_rows(written[1]["core.instants"]) == [
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
    ((*row,),) = read_rows(written[1]["core.values"])

    assert row[list(VALUES).index(value)] == VALUES[value]


def test_too_many_rows(write: Write) -> None:
    """A sheet has the first rows that fit, with their total; it and the contents say so."""
    many = (
        "-- One row.\n-- key: i\n-- total: a\nselect i, i::decimal(18, 2) as a, 'USD' as currency"
        " from range(100) as r (i)"
    )

    (sheet,), book = write(core__many=many, sheet_rows=12)

    page = book["core.many"]
    assert [row[0] for row in read_rows(page)] == list(range(7))
    assert read_totals(page)[0][1] == sum(range(7))
    assert page["B3"].value == ("One row. Only the first 7 of 100 rows fit; the CSV file has all.")
    assert book["Contents"]["D8"].value == (
        "Contains the first 7 of 100 rows; the CSV file beside it is complete."
    )
    assert (page.max_row, sheet.is_complete) == (12, False)


def test_too_long_text(write: Write) -> None:
    """A text is cut to the size of a cell, and the contents say so."""
    (sheet,), book = write(
        core__long="-- One row.\nselect repeat('x', 40_000) as text, 'y' as more"
    )

    ((text, more),) = read_rows(book["core.long"])
    assert (len(text), text[-2:], more) == (32_767, "x…", "y")
    assert book["Contents"]["D8"].value == (
        "Contains 1 text cut at 32,767 characters; the CSV file beside it is complete."
    )
    assert not sheet.is_complete


def test_order_of_the_sheets(export_fixed: Export) -> None:
    """First the summary and the contents, then the reports by section, last what charts show."""
    names = export_fixed("es").values.sheetnames

    assert names[:5] == [
        *("Resumen", "Índice", "Antigüedad de saldos", "Antigüedad de saldos por mes"),
        "Facturas pendientes",
    ]
    assert names.index("ITBMS por mes") < names.index("Ventas por mes")
    assert names[-2:] == ["Documentos anulados y eliminados"[:20].strip(), "Datos de los gráficos"]
