"""Sheet with the cells that the charts of the summary show, a table per chart and currency."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from xlsxwriter.worksheet import Worksheet

from p4books.publish.excel_cells import ColumnMeasure, choose_format
from p4books.publish.figures.overview import OverviewFigures
from p4books.publish.figures.tables import FigureTable
from p4books.publish.workbook.charts import ChartCells, ChartDefinition
from p4books.publish.workbook.names import link_to_sheet
from p4books.publish.workbook.sheet import SheetStyle, cell_writer, set_up_paper

_WIDTH = 18  # characters of a column
_COLUMNS = 5


class ChartData:
    """Sheet with the tables, one below the other."""

    def __init__(self, sheet: Worksheet, style: SheetStyle) -> None:
        self._sheet = sheet
        self._style = style
        self._language = style.language
        self._row = 3

    def write_title(self, summary: str) -> None:
        """Write what the sheet is for, with a link to the summary."""
        set_up_paper(self._sheet, self._language)
        self._sheet.set_column(0, _COLUMNS - 1, _WIDTH)
        self._sheet.write_string(0, 0, self._sheet.get_name(), self._style.formats.title)
        link = link_to_sheet(summary)
        self._sheet.write_url(1, 0, link, self._style.formats.link, f"← {summary}")
        note = self._language.word("chart_data_note")
        self._sheet.write_string(1, 1, note, self._style.formats.plain)

    def write_table(
        self, definition: ChartDefinition, figures: OverviewFigures
    ) -> ChartCells | None:
        """Write the table of a chart, the oldest row first; None if it has no row."""
        table: FigureTable = getattr(figures, definition.table)
        columns = [table.columns[table.index(name)] for name in definition.columns]
        records = list(table.records())
        if not records:
            return None
        is_dated = columns[0].type == "DATE"
        if is_dated:
            records = _fill_gaps(records, definition.category)
        title = f"{self._language.word(definition.title)} ({figures.currency})"
        self._sheet.write_string(self._row, 0, title, self._style.formats.section)
        chosen = [choose_format(column, ColumnMeasure(), self._language) for column in columns]
        formats = [
            self._style.formats.values(column.format, right=column.is_number) for column in chosen
        ]
        self._sheet.set_row(self._row + 1, 32)
        for place, column in enumerate(chosen):
            header = self._style.formats.header(right=column.is_number)
            self._sheet.write_string(self._row + 1, place, column.label, header)
        writers = [
            cell_writer(self._sheet, column, self._style, cell_format)
            for column, cell_format in zip(chosen, formats, strict=True)
        ]
        first_row = self._row + 2
        for row, record in enumerate(records, first_row):
            for place, name in enumerate(definition.columns):
                value = _sign(record.get(name), is_below=name == definition.below)
                if value is not None:
                    writers[place](row, place, value)
        self._row = first_row + len(records) + 1
        return ChartCells(
            self._sheet.get_name(),
            first_row,
            first_row + len(records) - 1,
            {column.column.name: column.label for column in chosen},
            _shorten(chosen[0].format) if is_dated else "",
        )


def _fill_gaps(records: Sequence[dict[str, Any]], category: str) -> list[dict[str, Any]]:
    """Return the rows of all months, or all weeks, the oldest first; new ones lack figures."""
    known = {record[category]: record for record in records}
    days = [min(known)]
    while days[-1] < max(known):
        last = days[-1]
        is_month = category == "month_on"
        days.append((last + timedelta(31)).replace(day=1) if is_month else last + timedelta(7))
    return [known.get(day, {category: day}) for day in days]


def _shorten(number_format: str) -> str:
    """Return the format of a month or a day for an axis: with a short year, or without any."""
    if "d" in number_format:
        return number_format.removesuffix("yyyy").rstrip("/ ")
    return number_format.replace("yyyy", "yy")


def _sign(value: Any, *, is_below: bool) -> Any:
    return -value if is_below and value is not None else value
