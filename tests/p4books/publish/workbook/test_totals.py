"""Totals on the sheets, per currency."""

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from tests.p4books.publish.workbook.conftest import (
    Export,
    find_header,
    read_header,
    read_rows,
    read_totals,
)

from p4books.publish.language import Language
from p4books.publish.query import CatalogEntry, list_columns, list_models, open_published
from p4books.publish.workbook.write import WorkbookOptions, write_workbook

Files = Callable[..., Path]

SALES = """-- One row per sale.
-- key: name
-- total: net, tax
select * from (
    values
        ('a', 'USD', 0.10::decimal(18, 2), 0.20::decimal(18, 2)),
        ('b', 'EUR', -5.00, null),
        ('c', 'USD', 0.20, 0.10),
        ('d', 'usd', 7.00, null),
        ('e', null, 1.00, null)
) as given (name, currency, net, tax)"""
HUGE = """-- One row per sale.
-- key: name
-- total: net
select * from (
    values ('a', 'USD', 1234567890123456.78::decimal(18, 2)), ('b', 'USD', 0.01)
) as given (name, currency, net)"""


def to_cents(value: object) -> Decimal:
    return Decimal(str(value or 0)).quantize(Decimal("0.01"))


def add_up(sheet: Worksheet, column: int, currency: int) -> dict[Any, Decimal]:
    """Add up the cells of a column by currency."""
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for row in read_rows(sheet):
        sums[row[currency]] += to_cents(row[column])
    return sums


def list_totals(sheet: Worksheet, column: int) -> list[Decimal]:
    return [to_cents(row[column]) for row in read_totals(sheet)]


@pytest.mark.parametrize("code", ["en", "es"])
def test_totals_are_the_sums_of_the_models(
    export_fixed: Export, fixed_file: Path, code: str
) -> None:
    """Each total is the sum of its cells, and of the model's rows, to the cent, in its currency."""
    book = export_fixed(code)
    titles = {sheet["A1"].value: sheet for sheet in book.values.worksheets}
    compared = set()
    with open_published(fixed_file) as con:
        for model in list_models(con):
            if model.layer != "reporting" or not model.total_columns:
                continue
            sheet = titles[model.title(code)]
            labels = {column.name: column.label(code) for column in list_columns(con, model)}
            header = read_header(sheet)
            for name in model.total_columns:
                place, currency = header.index(labels[name]), header.index(labels["currency"])
                expected = add_up(sheet, place, currency)
                assert list_totals(sheet, place) == [expected[key] for key in sorted(expected)]
                if not model.period:  # the sheet has all rows
                    assert sum_model(con, model, name) == [
                        expected[key] for key in sorted(expected)
                    ]
                compared.update([(model.model, key) for key, amount in expected.items() if amount])
    assert len({model for model, _ in compared}) > 25
    assert {currency for _, currency in compared} > {"USD"}


def sum_model(con: Any, model: CatalogEntry, name: str) -> list[Decimal]:
    rows = con.execute(
        f"select sum({name}) from {model.table} group by currency order by currency"
    ).fetchall()
    return [to_cents(amount) for (amount,) in rows]


def test_nothing_else_is_added_up(export_fixed: Export) -> None:
    """Rates, shares, prices, days, averages and what counts something twice have no total."""
    book = export_fixed("en").values
    labels = {
        str(name)
        for sheet in book.worksheets[2:-1]
        for row in read_totals(sheet)
        for name, value in zip(read_header(sheet), row, strict=False)
        if isinstance(value, int | float)
    }

    words = {word.lower() for label in labels for word in label.split()}
    assert len(labels) > 15
    assert not words & {
        "rate",
        "share",
        "price",
        "average",
        "limit",
        "margin",
        "cumulative",
    }


@pytest.fixture(scope="module")
def book(publish_shared: Files) -> tuple[Any, Any]:
    """A workbook of sales in several currencies, and of an amount too large for Excel."""
    published = publish_shared(custom__sales=SALES, custom__huge=HUGE)
    file = published.with_suffix(".xlsx")
    with open_published(published) as con:
        write_workbook(con, list_models(con), file, WorkbookOptions(Language("es")))
    return load_workbook(file, data_only=True), load_workbook(file)


def test_several_currencies(book: tuple[Any, Any]) -> None:
    """Each currency has its own total, of all rows whatever the filter, as spelled."""
    values, formulas = (each["custom.sales"] for each in book)

    assert [row[:4] for row in read_totals(values)] == [
        ("EUR · Total de todas las filas", None, -5, None),
        ("USD · Total de todas las filas", None, 0.3, 0.3),
        ("usd · Total de todas las filas", None, 7, None),
        ("Total de todas las filas", None, 1, None),
    ]
    assert find_header(values) == 8
    assert formulas["C5"].value == '=ROUND(SUMPRODUCT(--EXACT($B$9:$B$13,"USD"),$C$9:$C$13),2)'


def test_one_currency(export_fixed: Export) -> None:
    """With one currency the total follows the filter."""
    formulas = export_fixed("es").formulas["Gestión de cobros"]

    found = [str(cell.value) for row in formulas["A4:Z5"] for cell in row if cell.value]
    assert any(value.startswith(("=ROUND(SUBTOTAL(109,", "=ROUND(SUMPRODUCT(")) for value in found)


def test_amount_too_large_for_excel(book: tuple[Any, Any]) -> None:
    """A total that Excel would round is a text with all digits, without a formula."""
    assert book[1]["custom.huge"]["C4"].value == "1234567890123456.79"
