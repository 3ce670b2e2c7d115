"""Excel workbook with one sheet per model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from p4books.publish.excel_cells import (
    MAX_TEXT,
    ColumnFormat,
    ColumnMeasure,
    choose_format,
    fits_excel,
    select_as_written,
    select_measures,
    truncate_text,
)
from p4books.publish.query import (
    CatalogEntry,
    execute_query,
    fetch_rows,
    list_columns,
    query_model,
    read_about,
)

MAX_ROWS = 1_048_576  # of a sheet
MAX_NAME = 31  # characters of a sheet's name
HEADER_ROW = 2  # of a sheet: the column names

_CONTENTS = "Contents"  # the first sheet, to which all others link
_CONTENTS_HEADER_ROW = 4
_RESERVED_NAMES = {_CONTENTS.lower(), "history"}  # Excel itself uses the latter

_GREEN, _YELLOW, _ORANGE, _RED, _DARK = "#D5E8C8", "#FFF0B8", "#FCD9A8", "#F7B99A", "#EE9A8C"
_AGE_COLORS = {  # by column with the amounts of an age
    "current_balance": _GREEN,
    "days_1_30": _YELLOW,
    "days_31_60": _ORANGE,
    "days_61_90": _RED,
    "days_over_90": _DARK,
}
_BUCKET_COLUMN = "aging_bucket"
_BUCKET_COLORS = dict(
    zip(("current", "1-30", "31-60", "61-90", "90+"), _AGE_COLORS.values(), strict=True)
)
_LETTER_PAPER = 1
_NOTE_LINE = 38  # characters


@dataclass(frozen=True)
class SheetContents:
    """What a sheet contains of its model: the number of rows, and of texts that were cut."""

    model: CatalogEntry
    name: str
    rows: int
    cut: int

    @property
    def is_complete(self) -> bool:
        """Return whether the sheet has all of the model."""
        return self.rows == self.model.rows and not self.cut


def write_workbook(
    con: duckdb.DuckDBPyConnection,
    models: Sequence[CatalogEntry],
    path: Path,
    sheet_rows: int = MAX_ROWS,
) -> list[SheetContents]:
    """Write models of the published file as a workbook; return what each sheet contains.

    A sheet has at most `sheet_rows` rows. The rows are not held in memory but in temporary files
    beside the workbook. Raises QueryFailed and OSError.
    """
    about = read_about(con)
    book = _create_workbook(path, about)
    formats = _WorkbookFormats(book)
    contents = book.add_worksheet(_CONTENTS)
    sheets = []
    for model, name in zip(models, sheet_names([model.model for model in models]), strict=True):
        columns = _choose_formats(con, model)
        rows = _select_rows(con, model, columns, about["timezone"])
        sheet = _ModelSheet(book.add_worksheet(name), model, columns, formats)
        sheets.append(sheet.write_rows(rows, sheet_rows))
    _write_contents(contents, about, sheets, formats)
    try:
        book.close()
    except FileCreateError as error:  # it wraps the OSError
        raise error.args[0] from None
    return sheets


def sheet_names(models: Iterable[str]) -> list[str]:
    """Return a valid and unique sheet name for each model."""
    names: list[str] = []
    taken = set(_RESERVED_NAMES)
    for model in models:
        names.append(next(name for name in _name_variants(model) if name not in taken))
        taken.add(names[-1])
    return names


def describe_omissions(sheet: SheetContents) -> str:
    """Describe what a sheet lacks of its model; empty if it is complete."""
    if sheet.is_complete:
        return ""
    parts = []
    if sheet.rows < sheet.model.rows:
        parts.append(f"the first {sheet.rows:,} of {sheet.model.rows:,} rows")
    if sheet.cut:
        plural = "" if sheet.cut == 1 else "s"
        parts.append(f"{sheet.cut:,} text{plural} cut at {MAX_TEXT:,} characters")
    return f"Contains {', '.join(parts)}; the CSV file beside it is complete."


class _WorkbookFormats:
    """Cell formats of one workbook, each created once."""

    def __init__(self, book: Workbook) -> None:
        self._create: Callable[..., Format] = cache(
            lambda **properties: book.add_format(properties)
        )
        self.title = self._create(bold=True, font_size=14, font_color="#1F3864")
        self.plain = self._create(font_color="#595959")
        self.link = self._create(font_color="#0563C1", underline=1)
        self.warning = self._create(bold=True, font_color="#C00000")

    def values(self, number_format: str, *, right: bool) -> Format:
        """Return the format of a column's values, aligned to the right or the left."""
        return self._create(num_format=number_format, **_alignment(right=right))

    def fill(self, color: str) -> Format:
        """Return a format with a background color."""
        return self._create(bg_color=color)

    def header(self, *, right: bool = False, color: str | None = None) -> Format:
        """Return the format of a column's name."""
        return self._create(
            bold=True,
            **_alignment(right=right),
            valign="vcenter",
            bg_color=color or "#1F3864",
            font_color="#000000" if color else "#FFFFFF",
        )


class _ModelSheet:
    """Sheet of one model: its question, the column names, and the rows."""

    def __init__(
        self,
        sheet: Worksheet,
        model: CatalogEntry,
        columns: Sequence[ColumnFormat],
        formats: _WorkbookFormats,
    ) -> None:
        self._sheet = sheet
        self._model = model
        self._columns = columns
        self._formats = formats

    def write_rows(self, rows: Iterable[Sequence[Any]], sheet_rows: int) -> SheetContents:
        """Write as many rows as fit on a sheet of `sheet_rows` rows; the rest is not read."""
        capacity = sheet_rows - HEADER_ROW - 1
        self._write_header(capacity)
        writers = [_cell_writer(self._sheet, column.type) for column in self._columns]
        cut = written = 0
        for row in rows:
            if written == capacity:
                break
            row_index = HEADER_ROW + 1 + written
            for column_index, value in enumerate(row):
                if value is not None:
                    cut += writers[column_index](row_index, column_index, value)
            written += 1
        self._add_rules(HEADER_ROW + max(written, 1))
        return SheetContents(self._model, self._sheet.get_name(), written, cut)

    def _write_header(self, capacity: int) -> None:
        sheet, model, formats = self._sheet, self._model, self._formats
        _freeze_header(sheet, HEADER_ROW)
        for index, column in enumerate(self._columns):
            values = formats.values(column.format, right=column.is_number)
            sheet.set_column(index, index, column.width, values)
        sheet.write_string(0, 0, model.question or model.full_name, formats.title)
        sheet.write_url(1, 0, f"internal:'{_CONTENTS}'!A1", formats.link, f"← {_CONTENTS}")
        if model.rows > capacity:
            note = f"Only the first {capacity:,} of {model.rows:,} rows fit; the CSV file has all."
            sheet.write_string(1, 1, note, formats.warning)
        else:
            sheet.write_string(1, 1, model.grain, formats.plain)
        for index, column in enumerate(self._columns):
            self._write_column_name(index, column)

    def _write_column_name(self, index: int, column: ColumnFormat) -> None:
        name, meaning = column.column.name, column.column.meaning
        header = self._formats.header(right=column.is_number, color=_AGE_COLORS.get(name))
        self._sheet.write_string(HEADER_ROW, index, name, header)
        if meaning:
            height = 14 + 17 * (1 + len(meaning) // _NOTE_LINE)
            options = {"x_scale": 2, "height": height, "font_size": 9}
            self._sheet.write_comment(HEADER_ROW, index, meaning, options)

    def _add_rules(self, last_row: int) -> None:
        last_column = len(self._columns) - 1
        self._sheet.autofilter(HEADER_ROW, 0, last_row, last_column)
        cells = xl_range(HEADER_ROW + 1, 0, last_row, last_column)
        self._sheet.ignore_errors({"number_stored_as_text": cells})
        self._color_overdue(last_row)

    def _color_overdue(self, last_row: int) -> None:
        """Color overdue amounts and the words for their age, from green to red."""
        for index, column in enumerate(self._columns):
            cells = (HEADER_ROW + 1, index, last_row, index)
            if color := _AGE_COLORS.get(column.column.name):
                self._add_color_rule(cells, "!=", 0, color)
            if column.column.name == _BUCKET_COLUMN:
                for bucket, color in _BUCKET_COLORS.items():
                    self._add_color_rule(cells, "==", f'"{bucket}"', color)

    def _add_color_rule(
        self, cells: tuple[int, int, int, int], criteria: str, value: object, color: str
    ) -> None:
        rule = {"type": "cell", "criteria": criteria, "value": value}
        self._sheet.conditional_format(*cells, {**rule, "format": self._formats.fill(color)})


def _create_workbook(path: Path, about: dict[str, Any]) -> Workbook:
    book = Workbook(
        path,
        {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.use_zip64()
    book.set_properties({"title": f"Books of {about['tenant']}", "author": "p4books"})
    return book


def _name_variants(name: str) -> Iterator[str]:
    yield name[:MAX_NAME]
    for number in count(2):
        suffix = f" {number}"
        yield name[: MAX_NAME - len(suffix)] + suffix


def _choose_formats(con: duckdb.DuckDBPyConnection, model: CatalogEntry) -> list[ColumnFormat]:
    columns = list_columns(con, model)
    measures = ", ".join(select_measures(column) for column in columns)
    row = execute_query(con, f"select {measures} from {model.table}").fetchone() or ()
    measured = (ColumnMeasure(*row[start : start + 3]) for start in range(0, len(row), 3))
    return [choose_format(column, size) for column, size in zip(columns, measured, strict=True)]


def _select_rows(
    con: duckdb.DuckDBPyConnection,
    model: CatalogEntry,
    columns: Sequence[ColumnFormat],
    timezone: str,
) -> Iterator[tuple[Any, ...]]:
    values = ", ".join(select_as_written(column.column, timezone) for column in columns)
    return fetch_rows(query_model(con, model, values))


def _alignment(*, right: bool) -> dict[str, Any]:
    return {"align": "right", "indent": 1} if right else {"align": "left"}


def _freeze_header(sheet: Worksheet, row: int) -> None:
    """Keep the row of column names visible, on the screen and on every printed page."""
    sheet.set_row(0, 24)
    sheet.set_row(row, 20)
    sheet.freeze_panes(row + 1, 0)
    sheet.set_landscape()
    sheet.set_paper(_LETTER_PAPER)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(row)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer("&L&A&RPage &P of &N")


def _cell_writer(sheet: Worksheet, kind: str) -> Callable[[int, int, Any], int]:
    """Return a function that writes a value of a column and returns how many texts it cut."""

    def write_text(row: int, column: int, value: Any) -> int:
        text, was_cut = truncate_text(str(value))
        if text.startswith("<r>"):  # xlsxwriter would take it for rich text in its own XML
            sheet.write_rich_string(row, column, text[:1], text[1:2], text[2:])
        else:
            sheet.write_string(row, column, text)
        return was_cut

    writers: dict[str, Callable[..., Any]] = {
        "flag": sheet.write_boolean,
        "day": sheet.write_datetime,
        "instant": sheet.write_datetime,
        "number": sheet.write_number,
        "float": sheet.write_number,
    }
    if kind not in writers:
        return write_text
    write_native = writers[kind]

    def write_value(row: int, column: int, value: Any) -> int:
        if fits_excel(value):
            write_native(row, column, value)
            return 0
        return write_text(row, column, value)

    return write_value


def _write_contents(
    page: Worksheet,
    about: dict[str, Any],
    sheets: Sequence[SheetContents],
    formats: _WorkbookFormats,
) -> None:
    _freeze_header(page, _CONTENTS_HEADER_ROW)
    _write_about(page, about, formats)
    rows = [_contents_row(sheet) for sheet in sheets]
    has_notes = any(row[5] for row in rows)
    names = ["Sheet", "Question", "What a row is", "Layer", "Rows", *["Note"] * has_notes]
    for index, name in enumerate(names):
        width = max(len(str(row[index])) for row in [names, *rows]) + 3
        page.set_column(index, index, width)
        header = formats.header(right=name == "Rows")
        page.write_string(_CONTENTS_HEADER_ROW, index, name, header)
    count_format = formats.values("#,##0", right=True)
    for index, row in enumerate(rows, _CONTENTS_HEADER_ROW + 1):
        name, question, grain, layer, count_of_rows, note = row
        page.write_url(index, 0, f"internal:'{name}'!A1", formats.link, name)
        for column, text in enumerate((question, grain, layer), 1):
            page.write_string(index, column, text)
        page.write_number(index, 4, count_of_rows, count_format)
        if note:
            page.write_string(index, 5, note, formats.warning)
    page.activate()


def _write_about(page: Worksheet, about: dict[str, Any], formats: _WorkbookFormats) -> None:
    timezone = ZoneInfo(about["timezone"])
    page.write_string(0, 0, f"Books of {about['tenant']}", formats.title)
    as_of = "Nothing has been copied yet."
    if about["as_of_at"]:
        instant = about["current_to"]
        known = f", current to {_format_instant(instant, timezone)}" if instant else ""
        as_of = f"As of {about['as_of_on']}{known}."
    page.write_string(1, 0, as_of, formats.plain)
    published = f"Published {_format_instant(about['published_at'], timezone)}."
    zone = f"All times are in the time zone {about['timezone']}."
    page.write_string(2, 0, f"{published} {zone}", formats.plain)
    if missing := about.get("missing_lists"):
        note = f"Not copied yet, so not in any figure: {missing}."
        page.write_string(3, 0, note, formats.warning)


def _contents_row(sheet: SheetContents) -> tuple[str, str, str, str, int, str]:
    model = sheet.model
    note = describe_omissions(sheet)
    return sheet.name, model.question, model.grain, model.layer, model.rows, note


def _format_instant(instant: datetime, timezone: ZoneInfo) -> str:
    return instant.astimezone(timezone).strftime("%Y-%m-%d %H:%M:%S")
