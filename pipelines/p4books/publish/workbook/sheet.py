"""Sheet of one model: its question, totals, column names and rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from p4books.publish.excel_cells import MAX_TEXT, ColumnFormat, fits_excel, truncate_text
from p4books.publish.language import Language
from p4books.publish.query import CatalogEntry
from p4books.publish.workbook.formats import AGE_COLORS, WorkbookFormats
from p4books.publish.workbook.names import link_to_sheet
from p4books.publish.workbook.rows import ModelRows
from p4books.publish.workbook.totals import TotalRows

MAX_ROWS = 1_048_576  # of a sheet

_TITLE_ROWS = 3  # the title; the question; what a row is, and which rows are missing
_MAX_FROZEN = 76  # characters: a screen has some 180
_LETTER_PAPER = 1
_NOTE_LINE = 38  # characters
_BUCKET_COLUMN = "aging_bucket"
_AGE_COLUMNS = {  # columns with the amounts of an age
    "current_balance": "current",
    "days_1_30": "1-30",
    "days_31_60": "31-60",
    "days_61_90": "61-90",
    "days_over_90": "90+",
}


@dataclass(frozen=True)
class SheetContents:
    """What a sheet has of its model: `rows` of the `expected` ones, and the number of cut texts.

    Expected are those of the period, which `period` describes; `outside` the model has more.
    """

    model: CatalogEntry
    name: str
    rows: int
    expected: int
    cut: int
    outside: int = 0
    period: str = ""

    @property
    def is_complete(self) -> bool:
        """Return whether the sheet has all of the period."""
        return self.rows == self.expected and not self.cut


@dataclass(frozen=True)
class SheetStyle:
    """What the sheets of a workbook share.

    Labels of `values` are by column and value; `contents` is the name of the sheet that lists the
    others, empty if there is none.
    """

    formats: WorkbookFormats
    language: Language
    values: Mapping[tuple[str, str], str]
    contents: str = ""


def describe_omissions(sheet: SheetContents, language: Language) -> str:
    """Describe what a sheet lacks of its period; empty if it is complete."""
    parts = []
    if sheet.rows < sheet.expected:
        counts = {"rows": f"{sheet.rows:,}", "expected": f"{sheet.expected:,}"}
        parts.append(language.word("sheet_first_rows", **counts))
    if sheet.cut:
        name = "sheet_text_cut" if sheet.cut == 1 else "sheet_texts_cut"
        parts.append(language.word(name, count=f"{sheet.cut:,}", length=f"{MAX_TEXT:,}"))
    return language.word("sheet_lacks", parts=", ".join(parts)) if parts else ""


class ModelSheet:
    """Sheet of one model."""

    def __init__(self, sheet: Worksheet, rows: ModelRows, style: SheetStyle) -> None:
        self._sheet = sheet
        self._rows = rows
        self._columns = rows.columns
        # values in staging are those of P4 Books
        self._style = replace(style, values={}) if rows.model.layer == "staging" else style
        self._formats = style.formats
        self._language = style.language

    def write(self, sheet_rows: int = MAX_ROWS) -> SheetContents:
        """Write the sheet, of at most `sheet_rows` rows; what does not fit is not read."""
        rows = self._rows
        fitting = rows.limit_rows(sheet_rows - _TITLE_ROWS - rows.currencies - 1)
        header_row = _TITLE_ROWS + len(rows.totals)
        last_row = header_row + max(fitting, 1)
        self._set_columns()
        self._write_title(fitting)
        values = (header_row + 1, last_row)
        totals = TotalRows(self._sheet, self._columns, values, self._formats)
        totals.write(rows.totals, self._language)
        for index in range(len(self._columns)):
            self._write_column_name(header_row, index)
        set_up_page(self._sheet, header_row, self._count_frozen(), self._language)
        written, cut = self._write_rows(header_row + 1)
        self._add_rules(header_row, last_row)
        period = rows.period.describe(self._language) if rows.period else ""
        return SheetContents(
            rows.model, self._sheet.get_name(), written, rows.count, cut, rows.outside, period
        )

    def _set_columns(self) -> None:
        sheet, formats = self._sheet, self._formats
        shown = len(self._columns) - self._rows.hidden
        for index, column in enumerate(self._columns):
            values = formats.values(column.format, right=column.is_number)
            hidden = {"hidden": True, "level": 1} if index >= shown else {}
            sheet.set_column(index, index, column.width, values, hidden)
        if self._rows.hidden:
            sheet.set_column(
                len(self._columns), len(self._columns), None, None, {"collapsed": True}
            )

    def _write_title(self, fitting: int) -> None:
        sheet, model, formats = self._sheet, self._rows.model, self._formats
        code = self._language.code
        sheet.set_row(0, 24)
        sheet.write_string(0, 0, model.title(code), formats.title)
        if self._style.contents:
            link = link_to_sheet(self._style.contents)
            sheet.write_url(1, 0, link, formats.link, f"← {self._style.contents}")
        sheet.write_string(1, 1, model.question_in(code), formats.plain)
        note = self._describe_missing(fitting)
        text = f"{model.grain_in(code)} {note}".strip()
        is_short = fitting < self._rows.count
        sheet.write_string(2, 1, text, formats.warning if is_short else formats.plain)

    def _describe_missing(self, fitting: int) -> str:
        """Describe which rows of the model are not on the sheet; empty if all are."""
        rows, word = self._rows, self._language.word
        notes = []
        if fitting < rows.count:
            notes.append(word("sheet_is_full", rows=f"{fitting:,}", expected=f"{rows.count:,}"))
        if rows.period and rows.outside:
            period = rows.period.describe(self._language)
            notes.append(word("sheet_period", period=period, outside=f"{rows.outside:,}"))
        return " ".join(notes)

    def _write_column_name(self, row: int, index: int) -> None:
        column = self._columns[index]
        color = AGE_COLORS.get(_AGE_COLUMNS.get(column.column.name, ""))
        header = self._formats.header(right=column.is_number, color=color)
        self._sheet.write_string(row, index, column.label, header)
        if meaning := column.column.describe(self._language.code):
            height = 14 + 17 * (1 + len(meaning) // _NOTE_LINE)
            options = {"x_scale": 2, "height": height, "font_size": 9}
            self._sheet.write_comment(row, index, meaning, options)

    def _write_rows(self, first_row: int) -> tuple[int, int]:
        """Write the rows; return how many they are, and how many texts were cut."""
        writers = [cell_writer(self._sheet, column, self._style) for column in self._columns]
        cut = written = 0
        for row_index, row in enumerate(self._rows.fetch(), first_row):
            for column_index, value in enumerate(row):
                if value is not None:
                    cut += writers[column_index](row_index, column_index, value)
            written += 1
        return written, cut

    def _count_frozen(self) -> int:
        """Return how many columns stay visible: fewer if they would fill half of a screen."""
        widths = [column.width for column in self._columns[: self._rows.naming]]
        while len(widths) > 1 and sum(widths) > _MAX_FROZEN:
            widths.pop()
        return len(widths)

    def _add_rules(self, header_row: int, last_row: int) -> None:
        last_column = len(self._columns) - 1
        self._sheet.autofilter(header_row, 0, last_row, last_column)
        cells = xl_range(header_row + 1, 0, last_row, last_column)
        self._sheet.ignore_errors({"number_stored_as_text": cells})
        self._color_overdue(header_row + 1, last_row)

    def _color_overdue(self, first_row: int, last_row: int) -> None:
        """Color what is owed, and the words for its age, by age; credits keep their color."""
        for index, column in enumerate(self._columns):
            name, cells = column.column.name, (first_row, index, last_row, index)
            if age := _AGE_COLUMNS.get(name):
                self._add_color_rule(cells, ">", 0, AGE_COLORS[age])
            if name == _BUCKET_COLUMN:
                for bucket, color in AGE_COLORS.items():
                    word = self._style.values.get((name, bucket), bucket).replace('"', '""')
                    self._add_color_rule(cells, "==", f'"{word}"', color)

    def _add_color_rule(
        self, cells: tuple[int, int, int, int], criteria: str, value: object, color: str
    ) -> None:
        rule = {"type": "cell", "criteria": criteria, "value": value}
        self._sheet.conditional_format(*cells, {**rule, "format": self._formats.fill(color)})


def set_up_page(sheet: Worksheet, header_row: int, frozen: int, language: Language) -> None:
    """Keep the header and the first columns visible on the screen, and the header on paper."""
    sheet.set_row(header_row, 32)
    sheet.freeze_panes(header_row + 1, frozen)
    sheet.repeat_rows(header_row)
    set_up_paper(sheet, language)


def set_up_paper(sheet: Worksheet, language: Language) -> None:
    """Print a sheet on landscape pages, as wide as one, with a footer."""
    sheet.set_landscape()
    sheet.set_paper(_LETTER_PAPER)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer(f"&L&A&R{language.word('page')} &P {language.word('of')} &N")


def cell_writer(
    sheet: Worksheet,
    column: ColumnFormat,
    style: SheetStyle,
    cell_format: Format | None = None,
) -> Callable[[int, int, Any], int]:
    """Return a function that writes a value of a column and returns how many texts it cut.

    Without a format the cells have the one of their column on the sheet.
    """
    name = column.column.name
    labels = {value: label for (named, value), label in style.values.items() if named == name}
    flags = {flag: style.language.flag(flag) for flag in (True, False)}

    def write_text(row: int, place: int, value: Any) -> int:
        text, was_cut = truncate_text(str(labels.get(value, value) if labels else value))
        if text.startswith("<r>"):  # xlsxwriter would take it for rich text in its own XML
            parts = [text[:1], text[1:2], text[2:], *filter(None, [cell_format])]
            sheet.write_rich_string(row, place, *parts)
        else:
            sheet.write_string(row, place, text, cell_format)
        return was_cut

    def write_flag(row: int, place: int, value: Any) -> int:
        sheet.write_string(row, place, flags[value], cell_format)
        return 0

    writers: dict[str, Callable[..., Any]] = {
        "day": sheet.write_datetime,
        "instant": sheet.write_datetime,
        "number": sheet.write_number,
        "float": sheet.write_number,
    }
    if column.type == "flag":
        return write_flag
    if column.type not in writers:
        return write_text
    write_native = writers[column.type]

    def write_value(row: int, place: int, value: Any) -> int:
        if fits_excel(value):
            write_native(row, place, value, cell_format)
            return 0
        return write_text(row, place, value)

    return write_value
