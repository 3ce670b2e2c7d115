"""Summary of the workbook: figures, charts, and what they show."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook
from tests.p4books.publish.workbook.conftest import Export

from p4books.publish.export import ExportOptions, export_models
from p4books.publish.figures.filters import load_choices
from p4books.publish.figures.overview import OverviewFigures, load_overview
from p4books.publish.language import Language
from p4books.publish.query import open_published


def load_figures(file: Path) -> dict[str, OverviewFigures]:
    """Load the figures of each currency."""
    with open_published(file) as con:
        choices = load_choices(con)
        chosen = [
            type(choices.defaults)(currency, choices.defaults.first_on, choices.defaults.last_on)
            for currency in choices.currencies
        ]
        return {filters.currency: load_overview(con, filters) for filters in chosen}


def read_blocks(file: Path) -> dict[str, list[list[Any]]]:
    """Return the rows of the summary below the name of each currency."""
    page = load_workbook(file).worksheets[0]
    rows = [[cell for cell in row if cell is not None] for row in page.iter_rows(values_only=True)]
    starts = [at for at, row in enumerate(rows) if row and re.fullmatch("[A-Z]{3}", str(row[0]))]
    return {rows[at][0]: rows[at + 1 : at + 4] for at in starts}


@pytest.mark.parametrize("code", ["en", "es"])
def test_figures(export_fixed: Export, fixed_file: Path, code: str) -> None:
    """The figures of each currency are those of the models, to the cent, and are never added."""
    figures = load_figures(fixed_file)
    blocks = read_blocks(export_fixed(code).file)

    assert list(blocks) == list(figures)
    assert len(blocks) > 1
    for currency, (_, amounts, _) in blocks.items():
        known = figures[currency]
        assert [Decimal(str(amount)).quantize(Decimal("0.01")) for amount in amounts] == [
            known.receivables.balance,
            known.receivables.overdue,
            known.sales.net,
            known.orders.amount,
            known.itbms.tax,
        ]


def test_words(export_fixed: Export) -> None:
    """What a figure is, and what it is compared with, is said in the language."""
    labels, _, below = read_blocks(export_fixed("es").file)["USD"]

    assert labels == [
        *("Cuentas por cobrar", "Vencido", "Ventas netas, jun 2026", "Pedidos pendientes"),
        "ITBMS cobrado, jun 2026",
    ]
    assert below[-1] == "a pagar hasta el 15/07/2026"


def test_charts(export_fixed: Export, fixed_file: Path) -> None:
    """Each chart reads cells of the sheet behind it, which have the figures to the cent."""
    exported = export_fixed("es")
    with ZipFile(exported.file) as archive:
        names = [name for name in archive.namelist() if name.startswith("xl/charts/chart")]
        charts = [archive.read(name).decode() for name in names]
    data = exported.values["Datos de los gráficos"]
    shown = set()
    for chart in charts:
        assert "USD)" in chart or "EUR)" in chart  # the unit of the axis
        for area in re.findall(r"<c:val><c:numRef><c:f>'Datos de los gráficos'!(.*?)</c:f>", chart):
            cells = data[area.replace("$", "")]
            cells = cells if isinstance(cells, tuple) else ((cells,),)
            shown |= {round(cell.value, 2) for row in cells for cell in row if cell.value}

    assert len(charts) == len(read_blocks(exported.file)) * 4 - missing_tables(fixed_file)
    for figures in load_figures(fixed_file).values():
        expected = [
            *figures.sales_months.values("net"),
            *figures.ages.values("balance"),
            *figures.forecast.values("net_cash_to_date"),
            *(-amount for amount in figures.forecast.values("committed_out")),
            *figures.itbms_months.values("month_tax_charged"),
        ]
        assert {float(amount) for amount in expected if amount} <= shown


def missing_tables(file: Path) -> int:
    """Return how many charts have nothing to show."""
    tables = [
        table
        for each in load_figures(file).values()
        for table in (each.sales_months, each.ages, each.forecast, each.itbms_months)
    ]
    return sum(not table.rows for table in tables)


def test_nothing_copied_yet(empty_file: Path, tmp_path: Path) -> None:
    """A tenant without rows has a summary of zeros, which says so."""
    options = ExportOptions("xlsx", tmp_path, 0o640, language=Language("es"))
    (written,) = export_models(empty_file, [], options)

    page = load_workbook(written.file).worksheets[0]
    assert page["A2"].value == "Todavía no se ha copiado nada."
    (block,) = read_blocks(written.file).values()
    assert block[1] == [0, 0, 0, 0, 0]
    texts = [str(row[0]) for row in page.iter_rows(values_only=True) if row[0]]
    assert f"{Language('es').word('chart_sales_months')}: aún sin datos" in texts


def test_chosen_models_have_no_summary(fixed_file: Path, tmp_path: Path) -> None:
    """Who asks for one report gets one report."""
    (written,) = export_models(fixed_file, ["ar_aging"], ExportOptions("xlsx", tmp_path, 0o640))

    assert load_workbook(written.file).sheetnames == ["Contents", "Receivables ageing"]
