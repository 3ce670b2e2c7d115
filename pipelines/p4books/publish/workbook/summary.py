"""Summary of a workbook: the figures that a person looks at first, with charts, per currency."""

from collections.abc import Sequence
from dataclasses import replace

import duckdb
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from p4books.publish.figures.filters import load_choices
from p4books.publish.figures.overview import Freshness, OverviewFigures, load_overview
from p4books.publish.headlines import Headline, list_headlines
from p4books.publish.palette import PALE
from p4books.publish.workbook.about import write_about
from p4books.publish.workbook.chart_data import ChartData
from p4books.publish.workbook.charts import CHARTS, ChartDefinition, build_chart
from p4books.publish.workbook.formats import HEADER, MUTED
from p4books.publish.workbook.names import link_to_sheet
from p4books.publish.workbook.sheet import SheetStyle, set_up_paper

_TILE_COLUMNS = 2  # of a figure
_CHART_COLUMNS = 5
_CHART_ROWS = 17
_WIDTH = 14  # characters of a column: ten of them fill a screen
_AMOUNT = "#,##0.00"
_CHART_SIZE = {"width": 505, "height": 335}  # pixels


def load_summary(con: duckdb.DuckDBPyConnection) -> list[OverviewFigures] | None:
    """Load the figures of each currency; None if the file lacks models that they are read from."""
    try:
        choices = load_choices(con)
        return [
            load_overview(con, replace(choices.defaults, currency=currency))
            for currency in choices.currencies
        ]
    except (duckdb.CatalogException, duckdb.BinderException):
        return None


class SummarySheet:
    """Sheet with the figures and charts of each currency, whose cells are on a sheet of data."""

    def __init__(self, book: Workbook, page: Worksheet, data: Worksheet, style: SheetStyle) -> None:
        self._book = book
        self._page = page
        self._style = style
        self._formats = style.formats
        self._language = style.language
        self._data = ChartData(data, style)

    def write(self, figures: Sequence[OverviewFigures], freshness: Freshness) -> None:
        """Write both sheets."""
        set_up_paper(self._page, self._language)
        self._page.hide_gridlines(2)
        self._page.set_column(0, 2 * _CHART_COLUMNS - 1, _WIDTH)
        row = 1 + write_about(self._page, freshness, self._style, "summary_of")
        link = link_to_sheet(self._style.contents)
        self._page.write_url(row, 0, link, self._formats.link, f"{self._style.contents} →")
        self._data.write_title(self._page.get_name())
        row += 2
        for each in figures:
            row = self._write_currency(row, each)

    def _write_currency(self, row: int, figures: OverviewFigures) -> int:
        """Write the figures of a currency from a row on; return the row after them."""
        for column in range(2 * _CHART_COLUMNS):
            self._page.write_blank(row, column, None, self._formats.section)
        self._page.write_string(row, 0, figures.currency, self._formats.section)
        self._write_tiles(row + 1, list_headlines(figures, self._language))
        row += 5
        for place, definition in enumerate(CHARTS):
            line, column = divmod(place, 2)
            self._write_chart(
                (row + line * (_CHART_ROWS + 1), column * _CHART_COLUMNS), definition, figures
            )
        return row + 2 * (_CHART_ROWS + 1)

    def _write_chart(
        self, at: tuple[int, int], definition: ChartDefinition, figures: OverviewFigures
    ) -> None:
        title = self._language.word(definition.title)
        cells = self._data.write_table(definition, figures)
        if cells is None:
            nothing = self._language.word("chart_empty")
            self._page.write_string(*at, f"{title}: {nothing}", self._formats.plain)
            return
        chart = build_chart(self._book, definition, cells, figures.currency, self._style)
        chart.set_size(_CHART_SIZE)
        described = {"object_position": 2, "description": f"{title} ({figures.currency})"}
        self._page.insert_chart(*at, chart, described)

    def _write_tiles(self, row: int, tiles: Sequence[Headline]) -> None:
        formats = self._formats
        label = formats.create(font_color=MUTED, bg_color=PALE, indent=1)
        value = formats.create(
            bold=True, font_size=16, font_color=HEADER, num_format=_AMOUNT, align="left", indent=1
        )
        below = formats.create(font_color=MUTED, font_size=9, indent=1, align="left")
        for line, height in enumerate((18, 26, 16)):
            self._page.set_row(row + line, height)
        for line in range(3):
            for place, tile in enumerate(tiles):
                first = place * _TILE_COLUMNS
                cells = (row + line, first, row + line, first + _TILE_COLUMNS - 1)
                style = (label, value, below)[line]
                self._page.merge_range(*cells, "", style)
                if line == 1:
                    self._page.write_number(row + 1, first, tile.amount, value)
                else:
                    text = tile.label if line == 0 else tile.below
                    self._page.write_string(row + line, first, text, style)
