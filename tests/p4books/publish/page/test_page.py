"""Tests of what the page says: the figures of the models, as people read them."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Files
from tests.p4books.publish.page.conftest import OPTIONS, Contents, ReadCell, ReadPage, ReadTable

from p4books.errors import QueryFailed, UsageError
from p4books.publish.cells import Cell
from p4books.publish.page.content import Block, PageContent, load_content
from p4books.publish.page.write import render_page, write_page
from p4books.publish.query import open_published

HOSTILE = "<script>alert(\"1\")</script> & 'Sons' \N{RIGHT-TO-LEFT OVERRIDE}olleh {{ 7 * 7 }}"

PERIOD = "month_on between date '2025-07-01' and date '2026-06-30' and currency = $currency"
AGES = "current_balance, days_1_30, days_31_60, days_61_90, days_over_90"
NUMBERS = {  # of each table, by its English title
    "Open balance by age": """
        select count(*), sum(balance) from reporting.ar_open_items where currency = $currency
        group by aging_bucket order by list_position(
            ['current', '1-30', '31-60', '61-90', '90+'], aging_bucket)
        """,
    "Open balance at month end, by age": f"""
        select sum(balance), sum(overdue), {", ".join(f"sum({age})" for age in AGES.split(", "))}
        from reporting.ar_aging_history
        where currency = $currency group by month_end_on order by month_end_on desc
        """,
    "Receivables ageing": f"""
        select documents, {AGES}, overdue, balance from reporting.ar_aging
        where currency = $currency order by balance desc, customer_id
        """,
    "Collections worklist": """
        select worst_days, overdue_documents, overdue from reporting.collections_worklist
        where currency = $currency order by rank
        """,
    "Open invoices": """
        select days_overdue, total, amount_paid, balance from reporting.ar_open_items
        where currency = $currency order by due_on, invoice_id
        """,
    "Cash in and out by week": """
        select overdue_in, expected_in, committed_out, net_cash, net_cash_to_date
        from reporting.cash_forecast
        where currency = $currency and week_on < date '2026-06-29' + 13 * 7 order by week_on
        """,
    "ITBMS charged by month": f"""
        select sum(taxable_base), sum(exempt_base), any_value(month_tax_charged)
        from reporting.itbms_by_month where {PERIOD} group by month_on order by month_on desc
        """,
    "ITBMS return (Form 430), Jun 2026": """
        select base, tax from reporting.itbms_return
        where month_on = date '2026-06-01' and currency = $currency order by box
        """,
    "Net sales by month, against last year": f"""
        select documents, net, net_last_year, growth from reporting.sales_by_month
        where {PERIOD} order by month_on desc
        """,
    "Customers with the highest sales": f"""
        select sum(net) from reporting.sales_cube where {PERIOD}
        group by customer_id order by sum(net) desc, customer_id
        """,
    "Products with the highest sales": f"""
        select sum(net) from reporting.sales_cube where {PERIOD}
        group by product_id order by sum(net) desc, product_id
        """,
}
HEADLINES = (
    "select coalesce(sum(balance), 0) from reporting.ar_aging where currency = $currency",
    "select coalesce(sum(overdue), 0) from reporting.ar_aging where currency = $currency",
    f"select max_by(net, month_on) from reporting.sales_by_month where {PERIOD}",
    "select coalesce(sum(amount), 0) from reporting.sales_backlog where currency = $currency",
    f"select max_by(month_tax_charged, month_on) from reporting.itbms_by_month where {PERIOD}",
)


def read_numbers(row: list[ReadCell]) -> list[Decimal]:
    """Return the numbers of a row, each of which a person reads as programs do."""
    numbers = [cell for cell in row if cell.value and re.fullmatch(r"-?[\d.]+", cell.value)]
    for cell in numbers:
        shown, value = cell.text.replace(",", ""), Decimal(cell.value or "")
        is_share = shown.endswith("%")
        assert shown == (f"{value:.1%}" if is_share else str(value))
    return [Decimal(cell.value or "") for cell in numbers]


def list_blocks(content: PageContent) -> list[Block]:
    """Return all blocks of a page."""
    return [
        block for part in content.parts for section in part.sections for block in section.blocks
    ]


@pytest.mark.parametrize(("place", "currency"), [(0, "USD"), (1, "EUR")])
def test_every_figure_is_that_of_the_models(
    files: dict[str, Path], fixed_file: Path, place: int, currency: str
) -> None:
    """Each number on the page is that of a model to the cent, and each total is of all rows."""
    part = ReadPage(files["en"].read_text()).parts[place]
    assert list(part.tables) == list(NUMBERS)
    with open_published(fixed_file) as con:
        for title, sql in NUMBERS.items():
            expected: list[tuple[Any, ...]] = con.execute(sql, {"currency": currency}).fetchall()
            table = part.tables[title]
            rows = [read_numbers(row) for row in table.rows]
            known = [[value for value in row if value is not None] for row in expected]
            assert [row for row in rows if any(row)] == [row for row in known if any(row)], title
            assert_total(table, rows)
        wanted = [con.execute(sql, {"currency": currency}).fetchone() for sql in HEADLINES]
    shown = [read_numbers(headline) for headline in part.headlines]
    assert [tuple(numbers) for numbers in shown] == wanted


def assert_total(table: ReadTable, rows: list[list[Decimal]]) -> None:
    """Expect each total to be the sum of its column."""
    for place, cell in enumerate(table.total):
        if cell.value:
            column = [row[place].value for row in table.rows]
            assert Decimal(cell.value) == sum(map(Decimal, filter(None, column))), table.title
    assert not table.total or table.total[0].text == "Total"


def test_both_languages_have_the_same_figures(files: dict[str, Path]) -> None:
    """The Spanish page differs in words and days alone."""
    pages = {code: ReadPage(file.read_text()) for code, file in files.items()}

    english, spanish = pages["en"].parts[0], pages["es"].parts[0]
    for one, other in zip(english.tables.values(), spanish.tables.values(), strict=True):
        assert [[cell.value for cell in row] for row in one.rows] == [
            [cell.value for cell in row] for row in other.rows
        ]
    assert spanish.tables["Antigüedad de saldos"].labels[2:4] == [
        "Por vencer",
        "1\N{EN DASH}\N{WORD JOINER}30 días",
    ]
    months = [
        row[0].text for row in spanish.tables["Ventas netas por mes, frente al año anterior"].rows
    ]
    assert months[0] == "jun 2026"
    assert spanish.tables["Facturas pendientes"].rows[1][2].text == "28/03/2026"
    assert "Al 30/06/2026. Datos al día hasta 30/06/2026 11:59." in pages["es"].texts


def test_pictures_say_what_they_show(files: dict[str, Path]) -> None:
    """Each chart is there for screens and for paper, with a text for those who cannot see it."""
    pictures = ReadPage(files["es"].read_text()).pictures

    assert len(pictures) == 2 * 5  # sizes, charts
    assert pictures[0]["alt"] == (
        "Saldo pendiente por antigüedad (USD); las cifras están en la tabla contigua."
    )
    assert all((each["src"] or "").startswith("data:image/svg+xml;base64,") for each in pictures)


def test_hostile_texts(contents: Contents) -> None:
    """A name is shown as it is, whatever is in it; none becomes markup, style or script."""
    content = contents["en"]
    part = content.parts[0]
    section = part.sections[0]
    aging = section.blocks[2]
    name = Cell("text", HOSTILE, HOSTILE)
    table = replace(aging.table, rows=((name, *aging.table.rows[0][1:]),))
    section = replace(section, blocks=(replace(aging, table=table),))
    part = replace(part, sections=(section,))
    text = render_page(replace(content, heading=HOSTILE, parts=(part,)))
    page = ReadPage(text)

    assert page.tags.count("script") == 1
    assert page.tags.count("style") == 1
    assert page.texts.count(HOSTILE) == 2  # on top, and in the table
    assert page.parts[0].tables["Receivables ageing"].rows[0][0].text == HOSTILE
    assert not [name for given in page.attributes for name in given if name.startswith("on")]
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "alert(" not in style


def test_nothing_was_copied_yet(empty_file: Path, tmp_path: Path) -> None:
    """Without any rows the page says so, and every figure is 0."""
    file = tmp_path / "empty.html"
    with open_published(empty_file) as con:
        written = write_page(con, file, OPTIONS["es"])

    page = ReadPage(file.read_text())
    assert (written.currencies, written.bytes) == (("USD",), file.stat().st_size)
    assert "Todavía no se ha copiado nada." in page.texts
    assert not page.pictures
    assert {cell.value for row in page.parts[0].headlines for cell in row} == {"0.00", None}
    empty = [table for table in page.parts[0].tables.values() if not table.rows]
    assert len(empty) == len(page.parts[0].tables) - 1
    assert all(table.notes == ["aún sin datos"] for table in empty)


def test_stale_and_missing(contents: Contents, fixed_file: Path) -> None:
    """What was read more than two intervals ago is called out, but not if it is of a past day."""
    assert contents["en"].warnings == ()
    options = OPTIONS["en"]
    late = replace(options, now=options.now and options.now + timedelta(minutes=30))
    with open_published(fixed_file) as con:
        stale = load_content(con, replace(late, currency="EUR"))
        past = load_content(con, replace(options, currency="EUR", now=None))
        read = load_content(con, replace(late, currency="EUR", find_reading=lambda _: late.now))

    assert stale.warnings == ("Not up to date: P4 Books was last read on 30 Jun 2026 11:59.",)
    assert past.warnings == read.warnings == ()
    assert "Current to 30 Jun 2026 12:" in read.lines[0]
    assert past.current_to is None


def test_unknown_currency(fixed_file: Path) -> None:
    """A currency that the books do not have is an error that names those they have."""
    with (
        open_published(fixed_file) as con,
        pytest.raises(UsageError, match=r"Unknown currency 'PAB'. Available: USD, EUR"),
    ):
        load_content(con, replace(OPTIONS["en"], currency="PAB"))


def test_other_models(publish_models: Files, tmp_path: Path) -> None:
    """A file without the models of the figures is an error that says what to do."""
    file = publish_models(core__numbers="-- One row per number.\n-- key: n\nselect 1 as n")

    with (
        open_published(file) as con,
        pytest.raises(QueryFailed, match=r"lacks what the page shows .* Run `p4books report`"),
    ):
        write_page(con, tmp_path / "page.html", OPTIONS["en"])
    assert not (tmp_path / "page.html").exists()


def test_long_tables_say_what_they_lack(contents: Contents) -> None:
    """A table that is cut says how many rows there are, and where."""
    blocks = {block.title: block.table for block in list_blocks(contents["en"])[:11]}

    assert blocks["Open invoices"].paper_note == (
        "Open invoices (rows: 10): in this page on the screen and in the workbook."
    )
    assert blocks["Receivables ageing"].paper_note == ""


def test_who_is_not_called(fixed_file: Path) -> None:
    """Below the list of calls the page says why its total may be more than what is overdue."""
    with open_published(fixed_file) as con:
        content = load_content(con, replace(OPTIONS["es"], currency="USD"))
    receivables = content.parts[0].sections[0]
    notes = [block.table.screen_note for block in receivables.blocks if block.table.rows]
    assert sum("Los clientes cuyos créditos superan lo vencido" in note for note in notes) == 1
