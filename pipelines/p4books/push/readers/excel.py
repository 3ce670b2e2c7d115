"""Reader of Excel workbooks."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - it is a class, despite its name

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

from p4books.errors import describe_unknown
from p4books.push.errors import BadFile
from p4books.push.readers.rows import parse_header
from p4books.push.types import SourceRow

DOUBLE_DIGITS = 15  # that Excel shows of a number

CellValue = dict[str, Any]  # openpyxl's: row, column, data_type, value

_FORMULA = "f"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # Excel before 2007, and workbooks with a password
_BROKEN = (
    *(BadZipFile, ZlibError, InvalidFileException, EOFError, OSError, SyntaxError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError),
)


def read_workbook(file: Path, sheet: str | None = None) -> Iterator[SourceRow]:
    """Yield the rows of a sheet: of the one named, or of the only one with rows.

    Texts are trimmed, None if empty; a number has the 15 digits that Excel shows; midnight is a
    date. Rows are not held in memory, but the distinct texts of the workbook are. Raises BadFile,
    OSError.
    """
    with _open_workbook(file) as sheets:
        chosen = (
            _only_sheet_with_rows(file, sheets)
            if sheet is None
            else _find_sheet(file, sheets, sheet)
        )
        rows = _read_rows(chosen)
        _, names = next(rows, (0, None))
        if names is None:
            what = f"the sheet {chosen.name} is empty"
            raise BadFile(file, what, "Name another sheet with --sheet.")
        header = parse_header(file, names, "row")
        for number, values in rows:
            if row := header.build_row(number, values):
                yield row


@dataclass(frozen=True)
class WorkbookSheet:
    """A sheet of an open workbook."""

    name: str
    is_visible: bool
    path: str
    book: Any

    def rows(self) -> Iterator[tuple[int, list[CellValue]]]:
        """Yield each row in the file: its number, and its cells that are not empty.

        Raises what openpyxl raises if the file is damaged.
        """
        parser = self._make_parser()
        parents: list[Any] = []
        with self.book.archive.open(self.path) as source:
            for event, element in iterparse(source, events=("start", "end")):
                if event == "start" and element.tag == DATA_TAG:
                    parents.append(element)
                elif event == "end" and element.tag == ROW_TAG:
                    yield _parse_row(parser, element)
                    parents[0].clear()  # otherwise each row leaves an empty element behind

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


class CellWithoutValue(ValueError):
    """A cell shows an error, or its formula was never calculated; says where, and what to do."""

    def __init__(self, cell: CellValue, what: str, remedy: str) -> None:
        self.what = f"the cell {get_column_letter(cell['column'])}{cell['row']} {what}"
        self.remedy = remedy
        super().__init__(self.what)


def display_value(cell: CellValue) -> Any:
    """Return what a person sees in a cell, exactly. Raises CellWithoutValue."""
    value = cell["value"]
    if cell["data_type"] == _FORMULA:
        raise CellWithoutValue(
            cell, "has a formula without a cached value", "Open it in Excel and save it."
        )
    if cell["data_type"] == "e":
        raise CellWithoutValue(
            cell, f"contains an error ({value})", "Fix its formula, or clear the cell."
        )
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, float):
        return _display_number(value)
    if isinstance(value, datetime):
        return _display_datetime(value)
    return str(value) if isinstance(value, (time, timedelta)) else value


def _display_number(value: float) -> int | Decimal:
    shown = Decimal(format(value, f".{DOUBLE_DIGITS}g"))
    return int(shown) if shown == shown.to_integral_value() else shown


def _display_datetime(value: datetime) -> date:
    return value.date() if value.time() == time() else value


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
        except CellWithoutValue as fault:
            raise BadFile(file, fault.what, fault.remedy) from None
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
    filled = [sheet for sheet in visible if any(_has_values(cells) for _, cells in sheet.rows())]
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


def _read_rows(sheet: WorkbookSheet) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows that are not empty, each value at the place of its column."""
    for number, cells in sheet.rows():
        if not _has_values(cells):
            continue
        values: list[Any] = [None] * max(cell["column"] for cell in cells)
        for cell in cells:
            values[cell["column"] - 1] = display_value(cell)
        yield number, values


def _has_values(cells: list[CellValue]) -> bool:
    return any(str(cell["value"]).strip() for cell in cells)


def _parse_row(parser: Any, element: Any) -> tuple[int, list[CellValue]]:
    number = element.get("r")
    parser.row_counter = int(float(number)) if number else parser.row_counter + 1
    parser.col_counter = 0
    cells = [_parse_cell(parser, child) for child in element]
    return parser.row_counter, [cell for cell in cells if cell["value"] is not None]


def _parse_cell(parser: Any, element: Any) -> CellValue:
    """Parse a cell with openpyxl's parser; a formula without a cached value stays a formula."""
    cell: CellValue = parser.parse_cell(element)
    is_empty_text = element.get("t") == "str"
    if cell["value"] is None and not is_empty_text and element.find(FORMULA_TAG) is not None:
        return {**cell, "value": "=", "data_type": _FORMULA}
    return cell
