"""Which sheets has a workbook, and which cells have they?

openpyxl's parts are put together anew here: as a whole it reads each sheet that tells no size once
to measure it, keeps something of every row, and tells no formula without a value from an empty
cell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._reader import DATA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.functions import iterparse

from p4books.push import cell
from p4books.push.cell import Cell


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook that is open."""

    name: str
    is_visible: bool
    path: str
    book: Any

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
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
                    yield _row(parser, element)
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


def sheets(stream: BinaryIO) -> list[Sheet]:
    """Open a workbook and name its sheets in order, without charts.

    Raises what openpyxl raises where the file is broken.
    """
    book = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
    book.read_manifest()
    book.read_strings()
    book.read_workbook()
    apply_stylesheet(book.archive, book.wb)
    return [
        Sheet(sheet.name, sheet.state == "visible", rel.target, book)
        for sheet, rel in book.parser.find_sheets()
        if "worksheet" in rel.Type
    ]


def _row(parser: Any, element: Any) -> tuple[int, list[Cell]]:
    number = element.get("r")
    parser.row_counter = int(float(number)) if number else parser.row_counter + 1
    parser.col_counter = 0
    cells = [cell.read(parser, each) for each in element]
    return parser.row_counter, [each for each in cells if each["value"] is not None]
