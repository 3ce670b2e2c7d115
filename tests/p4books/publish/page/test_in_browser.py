"""Tests of the page in a browser, opened from the disk: sorting, sizes, paper, no network."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from tests.browser import PHONE, NewPage
from tests.p4books.publish.page.conftest import Contents

from p4books.publish.cells import Cell
from p4books.publish.language import LANGUAGES
from p4books.publish.page.content import CurrencyPart, PageTable
from p4books.publish.page.write import render_page

AGING = ".receivables .block:nth-of-type(3)"
A4 = (595, 842)  # points
CUT = (
    "10 de 12,345 filas; las demás están en esta página en pantalla y en el informe "
    "«Antigüedad de saldos» del libro de Excel."
)
LONG_NAME = "Distribuidora y Comercializadora Internacional " * 8


def read_column(page: Any, block: str, column: int) -> list[str]:
    """Return the texts of a column of a table, from top to bottom."""
    texts: list[str] = page.locator(f"{block} tbody td:nth-child({column})").all_inner_texts()
    return texts


def read_pages(pdf: bytes) -> list[tuple[tuple[int, int], str]]:
    """Return the size in points and the text of each page of a PDF file."""
    pages = PdfReader(BytesIO(pdf)).pages
    return [
        ((round(page.mediabox.width), round(page.mediabox.height)), page.extract_text())
        for page in pages
    ]


@pytest.mark.parametrize("code", LANGUAGES)
def test_from_the_disk(new_page: NewPage, files: dict[str, Path], code: str) -> None:
    """The page opens without a request or an error, shows its charts, and fits screen and phone."""
    for size, shown in (((1280, 900), "wide"), (PHONE, "narrow")):
        watched = new_page(size)
        page = watched.visit(files[code].as_uri())

        assert watched.requests == [files[code].as_uri()]
        assert watched.errors == []
        assert watched.measure_overflow() == 0
        pictures = page.locator(".picture img").evaluate_all(
            "all => all.filter(each => each.checkVisibility())"
            ".map(each => [each.className, each.complete && each.naturalWidth > 300])"
        )
        assert pictures == [[shown, True]] * 5 * page.locator("article").count()


def test_two_currencies(new_page: NewPage, files: dict[str, Path]) -> None:
    """Each currency has a part of its own, to which a link on top leads."""
    page = new_page().visit(files["en"].as_uri())

    assert page.locator("nav a").all_inner_texts() == ["Amounts in USD", "Amounts in EUR"]
    page.locator("nav a").last.click()
    top = page.locator("article").last.evaluate("each => each.getBoundingClientRect().top")
    assert top == pytest.approx(0, abs=1)


def test_sorting(new_page: NewPage, files: dict[str, Path]) -> None:
    """A click or a key sorts: numbers as numbers, days as days, names as the language does."""
    watched = new_page()
    page = watched.visit(files["es"].as_uri())
    heads = page.locator(f"article:first-of-type {AGING} thead button")
    block = f"article:first-of-type {AGING}"
    before = read_column(page, block, 9)

    heads.nth(8).click()
    amounts = [Decimal(text) for text in read_column(page, block, 9)]
    assert amounts == sorted(map(Decimal, before), reverse=True)
    heads.nth(2).click()  # the amounts not yet due, of which one is negative
    assert read_column(page, block, 3) == ["5.00", "0.00", "-4.20"]
    page.keyboard.press("Enter")  # the button is focused
    assert read_column(page, block, 3) == ["-4.20", "0.00", "5.00"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    names = read_column(page, block, 1)
    assert [name[:5] for name in names] == ["(unkn", "Abarr", "Minis"]
    sorted_by = page.locator(f"{block} [aria-sort]")
    assert sorted_by.evaluate_all("all => all.map(each => each.getAttribute('aria-sort'))") == [
        "ascending"
    ]

    items = "article:first-of-type .receivables .block:nth-of-type(5)"
    page.locator(f"{items} thead button").nth(3).click()
    days = read_column(page, items, 4)
    assert days == sorted(days, key=lambda day: day.split("/")[::-1])
    assert days[0] == "01/07/0202"
    page.locator(f"{items} thead button").nth(3).click()
    assert read_column(page, items, 4) == sorted(
        days, key=lambda day: day.split("/")[::-1], reverse=True
    )
    assert page.locator(f"{items} tfoot").inner_text().split() == [
        "Total",
        "364.00",
        "165.00",
        "199.00",
    ]
    assert watched.errors == []


def test_age(new_page: NewPage, files: dict[str, Path]) -> None:
    """A page that is opened days later says how old its figures are; one of today does not."""
    for day, text in (((2026, 7, 1), ""), ((2026, 7, 10), "10 ")):
        page = new_page().page
        page.clock.set_fixed_time(datetime(*day, 17, tzinfo=UTC))
        page.goto(files["es"].as_uri())

        age = page.locator("#age")
        assert age.is_visible() == bool(text)
        assert text in age.inner_text()


def test_paper(new_page: NewPage, files: dict[str, Path]) -> None:
    """Each currency is on two sheets of A4: overview and receivables, then the rest."""
    page = new_page().visit(files["en"].as_uri())

    sheets = read_pages(page.pdf(prefer_css_page_size=True))

    assert [size for size, _ in sheets] == [A4] * 4
    texts = [text for _, text in sheets]
    assert "Amounts in USD" in texts[0]
    assert "Amounts in EUR" in texts[2]
    for first, second in (texts[:2], texts[2:]):
        assert "Receivables ageing" in first
        assert "Open invoices (rows: " in first
        assert all(title in second for title in ("Cash", "ITBMS", "Sales"))
        assert "acme · As of 30 Jun 2026." in second


def test_paper_of_the_fullest_books(new_page: NewPage, contents: Contents, tmp_path: Path) -> None:
    """If every table is full, with large amounts and long names, two sheets are enough, too."""
    content = contents["es"]
    file = tmp_path / "full.html"
    full = replace(
        content,
        heading=LONG_NAME,
        warnings=("Desactualizado: P4 Books se leyó por última vez el 29/06/2026 11:59.",) * 2,
        parts=(fill_part(content.parts[0]),),
    )
    file.write_text(render_page(full), encoding="utf-8")
    watched = new_page(PHONE)
    page = watched.visit(file.as_uri())

    sheets = read_pages(page.pdf(prefer_css_page_size=True))

    assert [size for size, _ in sheets] == [A4] * 2
    amounts = 6 + 5 * 2 + 11 * 7 + 7  # in the ages, their history, by customer, to be collected
    assert sheets[0][1].count("-12,345,678.90") == amounts  # none is cut
    assert watched.measure_overflow() == 0


def fill_part(part: CurrencyPart) -> CurrencyPart:
    """Return the figures of a currency with all the rows and digits that they can have."""
    return replace(
        part,
        sections=tuple(
            replace(
                section,
                blocks=tuple(
                    replace(block, table=fill_table(block.table)) for block in section.blocks
                ),
            )
            for section in part.sections
        ),
    )


def fill_table(table: PageTable) -> PageTable:
    """Return a table with as many rows as it can have, and the notes that follow from it."""
    is_short = len(table.rows) == 5 and not table.paper_note
    rows = tuple(
        tuple(
            widen(cell, heading.classes) for cell, heading in zip(row, table.headings, strict=True)
        )
        for row in table.rows[:1] * (5 if is_short else 13)
    )
    total = tuple(map(widen, table.total, [""] * len(table.total)))
    note = table.paper_note or CUT if table.paper_rows < len(rows) else ""
    return replace(table, rows=rows, total=total, paper_note=note)


def widen(cell: Cell, classes: str) -> Cell:
    """Return a cell with the widest content that it can have."""
    if "." in cell.text and cell.kind == "number":
        return Cell("number", "-12,345,678.90", "-12345678.90")
    return Cell("text", LONG_NAME, LONG_NAME) if "name" in classes else cell
