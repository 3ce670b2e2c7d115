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
from zlib import error as ZlibError  # noqa: N812 - it is a class, whatever its name

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

CellValue = dict[str, Any]  # openpyxl's: row, column, data_type, value

DOUBLE_DIGITS = 15  # that Excel shows of a number
_FORMULA = "f"


class CellWithoutValue(ValueError):
    """A cell has an error or an unreckoned formula in it; says where, and what to do."""

    def __init__(self, cell: CellValue, what: str, remedy: str) -> None:
        self.what = f"the cell {get_column_letter(cell['column'])}{cell['row']} {what}"
        self.remedy = remedy
        super().__init__(self.what)


def parse_cell(parser: Any, element: Any) -> CellValue:
    """Read a cell with a parser of openpyxl; a formula without a value is told as one."""
    cell: CellValue = parser.parse_cell(element)
    is_empty_text = element.get("t") == "str"
    if cell["value"] is None and not is_empty_text and element.find(FORMULA_TAG) is not None:
        return {**cell, "value": "=", "data_type": _FORMULA}
    return cell


def display_value(cell: CellValue) -> Any:
    """Give what a person sees in a cell, exactly. Raises NoValue."""
    found = cell["value"]
    if cell["data_type"] == _FORMULA:
        raise CellWithoutValue(
            cell, "has a formula that was never reckoned", "Open it in Excel and save it."
        )
    if cell["data_type"] == "e":
        raise CellWithoutValue(
            cell, f"has an error in it ({found})", "Mend its formula, or empty the cell."
        )
    if isinstance(found, str):
        return found.strip() or None
    if isinstance(found, float):
        return _display_number(found)
    if isinstance(found, datetime):
        return _display_moment(found)
    return str(found) if isinstance(found, (time, timedelta)) else found


def _display_number(found: float) -> int | Decimal:
    shown = Decimal(format(found, f".{DOUBLE_DIGITS}g"))
    return int(shown) if shown == shown.to_integral_value() else shown


def _display_moment(found: datetime) -> date:
    return found.date() if found.time() == time() else found


@dataclass(frozen=True)
class WorkbookSheet:
    """A sheet of a workbook that is open."""

    name: str
    is_visible: bool
    path: str
    book: Any

    def rows(self) -> Iterator[tuple[int, list[CellValue]]]:
        """Give each row that is written: its number, and its cells that are not empty.

        Raises what openpyxl raises where the file is broken.
        """
        parser = self._parser()
        read: list[Any] = []
        with self.book.archive.open(self.path) as source:
            for event, element in iterparse(source, events=("start", "end")):
                if event == "start" and element.tag == DATA_TAG:
                    read.append(element)
                elif event == "end" and element.tag == ROW_TAG:
                    yield _parse_row(parser, element)
                    read[0].clear()  # else each row leaves its empty element there

    def _parser(self) -> Any:
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
    """Open a workbook and name its sheets in order, without charts.

    Raises what openpyxl raises where the file is broken.
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


def _parse_row(parser: Any, element: Any) -> tuple[int, list[CellValue]]:
    number = element.get("r")
    parser.row_counter = int(float(number)) if number else parser.row_counter + 1
    parser.col_counter = 0
    cells = [parse_cell(parser, each) for each in element]
    return parser.row_counter, [each for each in cells if each["value"] is not None]


_OLD = b"\xd0\xcf\x11\xe0"  # Excel before 2007; a workbook with a password is wrapped in it too
_BROKEN = (
    *(BadZipFile, ZlibError, InvalidFileException, EOFError, OSError, SyntaxError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError),
)


def read_workbook(file: Path, sheet: str | None = None) -> Iterator[SourceRow]:
    """Give the rows of a workbook's sheet: of the one named, or of the only one with rows.

    Texts are trimmed, an empty one is None; a number has the 15 digits that Excel shows; a day is
    a date. No row is held, but all texts of the workbook are, each once. Raises BadFile, OSError.
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
            raise BadFile(file, f"the sheet {chosen.name} is empty", "Name another with --sheet.")
        head = parse_header(file, names, "row")
        for number, values in rows:
            if row := head.row(number, values):
                yield row


@contextmanager
def _open_workbook(file: Path) -> Iterator[list[WorkbookSheet]]:
    warnings.filterwarnings("ignore", module="openpyxl")  # of what it would not write again
    with file.open("rb") as stream:
        if stream.read(4) == _OLD:
            raise BadFile(
                file,
                "it has a password, or the format that Excel had before 2007",
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
            raise BadFile(
                file,
                f"it is no workbook, or a broken one ({why.rstrip('.')})",
                "Open it in Excel and save it anew.",
            ) from None


def _find_sheet(file: Path, sheets: list[WorkbookSheet], name: str) -> WorkbookSheet:
    for each in sheets:
        if each.name.strip().lower() == name.strip().lower():
            return each
    unknown = describe_unknown("sheet", name, [each.name for each in sheets])
    raise BadFile(file, unknown, "Name one with --sheet.")


def _only_sheet_with_rows(file: Path, sheets: list[WorkbookSheet]) -> WorkbookSheet:
    """Find the only visible sheet that has rows."""
    seen = [each for each in sheets if each.is_visible]
    found = [each for each in seen if any(_has_rows(cells) for _, cells in each.rows())]
    if not found:
        hidden = " (hidden ones were passed by)" if len(seen) < len(sheets) else ""
        raise BadFile(
            file,
            f"none of its sheets has rows{hidden}",
            "Look whether it is the file that you mean, or name a sheet with --sheet.",
        )
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise BadFile(file, f"several sheets have rows: {names}", "Name one with --sheet.")
    return found[0]


def _has_rows(cells: list[CellValue]) -> bool:
    return any(str(each["value"]).strip() for each in cells)


def _read_rows(sheet: WorkbookSheet) -> Iterator[tuple[int, list[Any]]]:
    """Give the rows that are not empty, each value at the place of its column."""
    for number, cells in sheet.rows():
        if not _has_rows(cells):
            continue
        values: list[Any] = [None] * max(each["column"] for each in cells)
        for each in cells:
            values[each["column"] - 1] = display_value(each)
        yield number, values
