"""Which sheet of a workbook is read, and which rows has it?"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as ZlibError  # noqa: N812 - it is a class, whatever its name

from openpyxl.utils.exceptions import InvalidFileException

from p4books.nearest import nearest
from p4books.push import book, cell
from p4books.push.book import Sheet
from p4books.push.errors import BadFile
from p4books.push.header import header
from p4books.push.row import Row

_OLD = b"\xd0\xcf\x11\xe0"  # Excel before 2007; a workbook with a password is wrapped in it too
_BROKEN = (
    *(BadZipFile, ZlibError, InvalidFileException, EOFError, OSError, SyntaxError, RuntimeError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError),
)


def read(file: Path, sheet: str | None = None) -> Iterator[Row]:
    """Give the rows of a workbook's sheet: of the one named, or of the only one with rows.

    Texts are trimmed, an empty one is None; a number has the 15 digits that Excel shows; a day is
    a date. No row is held, but all texts of the workbook are, each once. Raises BadFile, OSError.
    """
    with _opened(file) as sheets:
        chosen = _only(file, sheets) if sheet is None else _named(file, sheets, sheet)
        rows = _rows(chosen)
        _, names = next(rows, (0, None))
        if names is None:
            raise BadFile(file, f"the sheet {chosen.name} is empty", "Name another with --sheet.")
        head = header(file, names, "row")
        for number, values in rows:
            if row := head.row(number, values):
                yield row


@contextmanager
def _opened(file: Path) -> Iterator[list[Sheet]]:
    warnings.filterwarnings("ignore", module="openpyxl")  # of what it would not write again
    with file.open("rb") as stream:
        if stream.read(4) == _OLD:
            raise BadFile(
                file,
                "it has a password, or the format that Excel had before 2007",
                "Save it in Excel as a workbook (.xlsx) without a password.",
            )
        try:
            yield book.sheets(stream)
        except cell.NoValue as fault:
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


def _named(file: Path, sheets: list[Sheet], name: str) -> Sheet:
    for each in sheets:
        if each.name.strip().lower() == name.strip().lower():
            return each
    known = nearest(name, [each.name for each in sheets])
    raise BadFile(file, f"there is no sheet {name}{known}".rstrip("."), "Name one with --sheet.")


def _only(file: Path, sheets: list[Sheet]) -> Sheet:
    """Find the only visible sheet that has rows."""
    seen = [each for each in sheets if each.is_visible]
    found = [each for each in seen if any(_is_full(cells) for _, cells in each.rows())]
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


def _is_full(cells: list[cell.Cell]) -> bool:
    return any(str(each["value"]).strip() for each in cells)


def _rows(sheet: Sheet) -> Iterator[tuple[int, list[Any]]]:
    """Give the rows that are not empty, each value at the place of its column."""
    for number, cells in sheet.rows():
        if not _is_full(cells):
            continue
        values: list[Any] = [None] * max(each["column"] for each in cells)
        for each in cells:
            values[each["column"] - 1] = cell.value(each)
        yield number, values
