"""Reader of Excel workbooks."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - it is a class, despite its name

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import (
    COL_TAG,
    DATA_TAG,
    FORMULA_TAG,
    ROW_TAG,
    VIEWS_TAG,
    WorkSheetParser,
)
from openpyxl.xml.functions import iterparse

from p4books.errors import describe_unknown
from p4books.push.errors import BadFile
from p4books.push.readers.cells import ERROR, FORMULA, STALE, UnfitCell, display_value, format_code
from p4books.push.readers.rows import (
    HEADER_SEARCH,
    Header,
    IsField,
    choose_header,
    parse_header,
)
from p4books.push.types import FileFormat, SourceRow, TableLayout
from p4books.push.values import ShownValue, UnfitValue

Cell = dict[str, Any]  # openpyxl's: row, column, data_type, value, style_id

MAX_COLUMNS = 16_384  # of a sheet

_VIEW_TAG = VIEWS_TAG.removesuffix("s")
_BLOCK = 1 << 16  # bytes of a sheet that are searched at a time
_LONGEST_TAG = 200
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+[0-9]+:[A-Z]+[0-9]+)[\"']")
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # Excel before 2007, and workbooks with a password
_BROKEN = (
    *(BadZipFile, ZlibError, InvalidFileException, EOFError, OSError, SyntaxError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError),
)


def read_workbook(
    file: Path, file_format: FileFormat | None = None, is_field: IsField | None = None
) -> Iterator[SourceRow]:
    """Yield the rows of a sheet: of the one named, or of the only one with rows.

    Values are what a person sees (`cells.py`); rows that are hidden are marked, and columns that
    are hidden are left out. `is_field` helps to find the header. Rows are not held in memory, but
    the distinct texts of the workbook are. Raises BadFile, OSError.
    """
    file_format = file_format or FileFormat()
    with _open_workbook(file) as sheets:
        sheet = (
            _only_sheet_with_rows(file, sheets)
            if file_format.sheet is None
            else _find_sheet(file, sheets, file_format.sheet)
        )
        rows = _read_rows(sheet)
        top = _find_header(file, sheet, rows, file_format.header_row, is_field)
        header = _parse_header(file, sheet, top[0])
        for row in (each for part in (top[1:], rows) for each in part):
            values = sheet.mark_merged(row, header.names)
            if found := header.build_row(row.number, values, is_hidden=row.is_hidden):
                yield found


@dataclass(frozen=True)
class SheetRow:
    """A row of a sheet: its number, and its values at the places of their columns."""

    number: int
    values: list[Any]
    is_hidden: bool


@dataclass
class SheetView:
    """What a person does not see of a sheet; known once its first row was read.

    `hidden_columns` are numbered from 1; `hides_zeros` if cells with zero look empty.
    """

    hidden_columns: set[int] = field(default_factory=set)
    hides_zeros: bool = False


@dataclass(frozen=True)
class WorkbookSheet:
    """A sheet of an open workbook.

    `merged` are its merged cells by the first row and column, `codes` those of its number formats
    by style.
    """

    name: str
    is_visible: bool
    path: str
    book: Any
    view: SheetView = field(default_factory=SheetView)
    merged: dict[tuple[int, int], str] = field(default_factory=dict)
    codes: dict[int, str | None] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[int, list[Cell], bool]]:
        """Yield each row: its number, its cells that are not empty, and whether it is hidden.

        Raises what openpyxl raises if the file is damaged.
        """
        parser = self._make_parser()
        is_stale = bool(getattr(self.book.wb.calculation, "fullCalcOnLoad", False))
        parents: list[Any] = []
        with self.book.archive.open(self.path) as source:
            for event, element in iterparse(source, events=("start", "end")):
                if event == "start" and element.tag == DATA_TAG:
                    parents.append(element)
                elif event == "end" and element.tag == ROW_TAG:
                    number, cells = _parse_row(parser, element, is_stale=is_stale)
                    yield number, cells, _is_hidden(element, "ht")
                    parents[0].clear()  # otherwise each row leaves an empty element behind
                elif event == "end":
                    self._note_layout(element)

    def find_merged(self) -> None:
        """Find the merged cells, which come after the rows in the file."""
        before = b""
        with self.book.archive.open(self.path) as source:
            while block := source.read(_BLOCK):
                for match in _MERGED.finditer(before + block):
                    ref = match[1].decode()
                    column, row, _, _ = range_boundaries(ref)
                    self.merged[row, column] = ref
                before = block[-_LONGEST_TAG:]

    def mark_merged(self, row: SheetRow, names: Sequence[str]) -> list[Any]:
        """Return the values of a row, those of merged cells marked as unclear.

        Cells that are merged with columns without a name are clear.
        """
        if not self.merged:
            return row.values
        return [
            self._unclear(ref, names) or value
            if value is not None and (ref := self.merged.get((row.number, place)))
            else value
            for place, value in enumerate(row.values, 1)
        ]

    def display(self, cell: Cell) -> Any:
        """Return what a person sees in a cell."""
        if self.view.hides_zeros and cell["value"] == 0 and cell["data_type"] == "n":
            what = "The cell holds 0, but the sheet does not show zeros."
            remedy = "Show zeros (File > Options > Advanced), or clear the cell."
            return UnfitCell("", UnfitValue(what, remedy))
        style = cell.get("style_id") or 0
        if style not in self.codes:
            self.codes[style] = format_code(self.book.wb, style)
        return display_value(cell, self.codes[style])

    def _unclear(self, ref: str, names: Sequence[str]) -> ShownValue | None:
        first, top, last, bottom = range_boundaries(ref)
        if top == bottom and not any(names[first:last]):
            return None
        what = f"The cells {ref} are merged, so it is unclear where their value belongs."
        remedy = "Unmerge them, and write the value in each cell it is for."
        return UnfitCell("", UnfitValue(what, remedy))

    def _note_layout(self, element: Any) -> None:
        if element.tag == COL_TAG and _is_hidden(element, "width"):
            self.view.hidden_columns.update(
                range(int(element.get("min")), min(int(element.get("max")), MAX_COLUMNS) + 1)
            )
        elif element.tag == _VIEW_TAG and element.get("showZeros") in {"0", "false"}:
            self.view.hides_zeros = True

    def _make_parser(self) -> Any:
        workbook = self.book.wb
        return WorkSheetParser(
            None,
            self.book.shared_strings,
            data_only=True,
            epoch=workbook.epoch,
            date_formats=workbook._date_formats,
            timedelta_formats=workbook._timedelta_formats,
        )


def open_sheets(stream: BinaryIO) -> list[WorkbookSheet]:
    """Open a workbook and return its sheets in order, without charts.

    Raises what openpyxl raises if the file is damaged.
    """
    book = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
    book.read_manifest()
    book.read_strings()
    book.read_workbook()
    apply_stylesheet(book.archive, book.wb)
    return [
        WorkbookSheet(sheet.name, sheet.state == "visible", rel.target, book)
        for sheet, rel in book.parser.find_sheets()
        if "worksheet" in rel.Type
    ]


@contextmanager
def _open_workbook(file: Path) -> Iterator[list[WorkbookSheet]]:
    warnings.filterwarnings("ignore", module="openpyxl")  # about parts that only matter for writing
    with file.open("rb") as stream:
        if stream.read(4) == _OLE_MAGIC:
            raise BadFile(
                file,
                "it has a password, or the format of Excel before 2007",
                "Save it in Excel as a workbook (.xlsx) without a password.",
            )
        try:
            yield open_sheets(stream)
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno:
                raise
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            what = f"it is not a workbook, or is damaged ({why.rstrip('.')})"
            raise BadFile(file, what, "Open it in Excel and save it again.") from None


def _find_sheet(file: Path, sheets: list[WorkbookSheet], name: str) -> WorkbookSheet:
    for sheet in sheets:
        if sheet.name.strip().lower() == name.strip().lower():
            return sheet
    unknown = describe_unknown("sheet", name, [sheet.name for sheet in sheets])
    raise BadFile(file, unknown, "Name one with --sheet.")


def _only_sheet_with_rows(file: Path, sheets: list[WorkbookSheet]) -> WorkbookSheet:
    """Return the only visible sheet that has rows. Raises BadFile if it is not clear which."""
    visible = [sheet for sheet in sheets if sheet.is_visible]
    filled = [sheet for sheet in visible if any(_has_values(cells) for _, cells, _ in sheet.rows())]
    if not filled:
        hidden = " (hidden ones were ignored)" if len(visible) < len(sheets) else ""
        raise BadFile(
            file,
            f"none of its sheets has rows{hidden}",
            "Check that it is the right file, or name a sheet with --sheet.",
        )
    if len(filled) > 1:
        names = ", ".join(sheet.name for sheet in filled)
        raise BadFile(file, f"several sheets have rows: {names}", "Name one with --sheet.")
    return filled[0]


def _read_rows(sheet: WorkbookSheet) -> Iterator[SheetRow]:
    """Yield the rows that are not empty."""
    sheet.find_merged()
    for number, cells, is_hidden in sheet.rows():
        if not _has_values(cells):
            continue
        values: list[Any] = [None] * max(cell["column"] for cell in cells)
        for cell in cells:
            values[cell["column"] - 1] = sheet.display(cell)
        yield SheetRow(number, values, is_hidden)


def _find_header(
    file: Path,
    sheet: WorkbookSheet,
    rows: Iterator[SheetRow],
    header_row: int | None,
    is_field: IsField | None,
) -> list[SheetRow]:
    """Return the header and what was read after it: the row declared, or one near the top."""
    if header_row is not None:
        found = next((row for row in rows if row.number >= header_row), None)
        if found is None or found.number > header_row:
            what = f"row {header_row} of the sheet {sheet.name} is empty, so it is not the header"
            raise BadFile(file, what, "Correct --header-row.")
        return [found]
    read: list[SheetRow] = []
    while len(read) < HEADER_SEARCH and (row := next(rows, None)):
        read.append(row)
    visible = [row for row in read if not row.is_hidden]
    if not visible:
        what = f"the sheet {sheet.name} {'has hidden rows only' if read else 'is empty'}"
        raise BadFile(file, what, "Show them, or name another sheet with --sheet.")
    chosen = choose_header([_header_texts(row) for row in visible], is_field)
    return read[read.index(visible[chosen]) :]


def _parse_header(file: Path, sheet: WorkbookSheet, row: SheetRow) -> Header:
    names = _header_texts(row)
    hidden = frozenset(column - 1 for column in sheet.view.hidden_columns)
    named = [(place, name.strip()) for place, name in enumerate(names) if name and name.strip()]
    layout = TableLayout(
        row.number,
        sheet.name,
        {name: get_column_letter(place + 1) for place, name in named if place not in hidden},
        tuple(name for place, name in named if place in hidden),
    )
    return parse_header(file, names, "row", layout, hidden)


def _header_texts(row: SheetRow) -> list[str | None]:
    return [
        value.text if isinstance(value, ShownValue) else None if value is None else str(value)
        for value in row.values
    ]


def _has_values(cells: Sequence[Cell]) -> bool:
    return any(str(cell["value"]).strip() for cell in cells)


def _is_hidden(element: Any, size: str) -> bool:
    """Return whether a row or a column is hidden, or has no height or width."""
    return element.get("hidden") in {"1", "true"} or element.get(size) in {"0", "0.0"}


def _parse_row(parser: Any, element: Any, *, is_stale: bool) -> tuple[int, list[Cell]]:
    number = element.get("r")
    parser.row_counter = int(float(number)) if number else parser.row_counter + 1
    parser.col_counter = 0
    cells = [_parse_cell(parser, child, is_stale=is_stale) for child in element]
    return parser.row_counter, [cell for cell in cells if cell["value"] is not None]


def _parse_cell(parser: Any, element: Any, *, is_stale: bool) -> Cell:
    """Parse a cell with openpyxl's parser; a formula without its value stays a formula."""
    cell: Cell = parser.parse_cell(element)
    if cell["data_type"] == ERROR or element.find(FORMULA_TAG) is None:
        return cell
    is_empty_text = element.get("t") == "str"
    if cell["value"] is None and not is_empty_text:
        return {**cell, "value": "=", "data_type": FORMULA}
    return {**cell, "value": "=", "data_type": STALE} if is_stale else cell
