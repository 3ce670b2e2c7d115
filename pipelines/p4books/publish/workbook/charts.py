"""Charts of the summary, as Excel draws them.

They show what those of the dashboard show, in the same colors; other than there, what goes out is
below zero on the sheet, too, since a chart of Excel has no figures but those in cells.
"""

from dataclasses import dataclass
from typing import Any

from xlsxwriter.chart import Chart
from xlsxwriter.workbook import Workbook

from p4books.publish.palette import AGES, BLUE, GREY, INK, ORANGE, PALE, SKY
from p4books.publish.workbook.sheet import SheetStyle

_AMOUNTS = "#,##0;-#,##0;0"  # on an axis
_LABELS = "#,##0.00"  # beside a bar


@dataclass(frozen=True)
class ChartDefinition:
    """A chart of a table of the overview: its category, and the columns with their colors.

    `title` is a word, and `table` a field of OverviewFigures. Bars are on top of each other; the
    `line` is drawn over them. What is `below` zero is written with the other sign.
    """

    title: str
    table: str
    category: str
    bars: tuple[tuple[str, str], ...]
    line: tuple[str, str] | None = None
    below: str = ""
    is_horizontal: bool = False

    @property
    def columns(self) -> list[str]:
        """The columns of its table: the category, then its values."""
        line = [self.line[0]] if self.line else []
        return [self.category, *(name for name, _ in self.bars), *line]


CHARTS = (
    ChartDefinition(
        "chart_sales_months",
        "sales_months",
        "month_on",
        (("net", BLUE),),
        line=("net_last_year", GREY),
    ),
    ChartDefinition("chart_ages", "ages", "aging_bucket", (("balance", BLUE),), is_horizontal=True),
    ChartDefinition(
        "chart_cash",
        "forecast",
        "week_on",
        (("overdue_in", SKY), ("expected_in", BLUE), ("committed_out", ORANGE)),
        line=("net_cash_to_date", INK),
        below="committed_out",
    ),
    ChartDefinition(
        "chart_itbms_months", "itbms_months", "month_on", (("month_tax_charged", BLUE),)
    ),
)


@dataclass(frozen=True)
class ChartCells:
    """Cells of a chart: the rows from the first to the last one, below those of the header.

    `labels` are by column, in the order of the sheet.
    """

    sheet: str
    first_row: int
    last_row: int
    labels: dict[str, str]
    category_format: str = ""  # of days; empty if the category is a text

    def find_values(self, column: str) -> list[Any]:
        """Return the cells of a column, as xlsxwriter names them."""
        place = list(self.labels).index(column)
        return [self.sheet, self.first_row, place, self.last_row, place]

    def find_label(self, column: str) -> list[Any]:
        """Return the cell with the label of a column."""
        return [self.sheet, self.first_row - 1, list(self.labels).index(column)]


def build_chart(
    book: Workbook, definition: ChartDefinition, cells: ChartCells, currency: str, style: SheetStyle
) -> Chart:
    """Build a chart of cells, with a title, and the unit on the axis of amounts."""
    kind = "bar" if definition.is_horizontal else "column"
    is_one = len(definition.bars) == 1
    chart = book.add_chart({"type": kind, **({} if is_one else {"subtype": "stacked"})})
    for name, color in definition.bars:
        series = _make_series(definition, cells, name)
        chart.add_series({**series, "fill": {"color": color}, "gap": 50, **_label_bars(definition)})
    if definition.line:
        name, color = definition.line
        over = book.add_chart({"type": "line"})
        marker = {"type": "circle", "size": 5, "fill": {"color": "white"}}
        over.add_series(
            {
                **_make_series(definition, cells, name),
                "line": {"color": color, "width": 2},
                "marker": {**marker, "border": {"color": color}},
            }
        )
        chart.combine(over)
    title = style.language.word(definition.title)
    chart.set_title({"name": title, "name_font": {"size": 12, "color": INK}})
    chart.show_blanks_as("span")
    amount = cells.labels[definition.bars[0][0]] if is_one else style.language.word("amount")
    _set_axes(chart, definition, cells, f"{amount} ({currency})")
    has_legend = len(definition.columns) > 2
    chart.set_legend({"position": "bottom", "font": {"size": 9}} if has_legend else {"none": True})
    return chart


def _make_series(definition: ChartDefinition, cells: ChartCells, column: str) -> dict[str, Any]:
    return {
        "name": cells.find_label(column),
        "categories": cells.find_values(definition.category),
        "values": cells.find_values(column),
    }


def _label_bars(definition: ChartDefinition) -> dict[str, Any]:
    if not definition.is_horizontal:
        return {}
    return {
        "points": [{"fill": {"color": color}} for color in AGES],
        "data_labels": {
            "value": True,
            "num_format": _LABELS,
            "font": {"size": 9},
            "position": "outside_end",
        },
    }


def _set_axes(chart: Chart, definition: ChartDefinition, cells: ChartCells, unit: str) -> None:
    font = {"size": 8, "bold": False, "color": INK}
    dates = {"text_axis": True, "num_format": cells.category_format}
    amounts = {
        "name": unit,
        "name_font": font,
        "num_font": font,
        "num_format": _AMOUNTS,
        "major_gridlines": {"visible": True, "line": {"color": PALE, "width": 0.75}},
        "line": {"none": True},
    }
    categories = {
        "name": cells.labels[definition.category],
        "name_font": font,
        "num_font": font,
        "label_position": "low",  # below negative values
        **(dates if cells.category_format else {}),
    }
    if definition.is_horizontal:
        chart.set_x_axis(amounts)
        chart.set_y_axis({**categories, "reverse": True, "crossing": "max"})  # the first on top
    else:
        chart.set_x_axis(categories)
        chart.set_y_axis(amounts)
