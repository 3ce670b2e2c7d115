"""Headers, lines and text of files, as every reader needs them."""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p4books.push.errors import BadFile
from p4books.push.types import SourceRow

MAX_LINE = 16_000_000  # characters of a line; a longer one is not text

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNDECODED = re.compile("[\udc80-\udcff]")  # a byte that is not UTF-8, as Python decodes it
_SAVE_AS_UTF8 = "Save it as UTF-8 (in Excel: Save As, CSV UTF-8)."


@dataclass(frozen=True)
class Header:
    """The names of a file's columns, '' for a column without a name.

    `unit` is what its rows are counted in: line, or row.
    """

    file: Path | str
    names: tuple[str, ...]
    unit: str

    def build_row(self, number: int, values: Sequence[Any]) -> SourceRow | None:
        """Return a row with its values by column; None if all are empty.

        Raises BadFile for a value in a column without a name.
        """
        if all(value is None for value in values):
            return None
        for place in range(len(values)):
            if values[place] is not None and not (place < len(self.names) and self.names[place]):
                raise self._unnamed_column(number, place, values[place])
        short = len(self.names) - len(values)
        padded = [*values, *[None] * short] if short > 0 else values
        named = zip(self.names, padded, strict=False)
        return SourceRow(number, {name: value for name, value in named if name})

    def _unnamed_column(self, number: int, place: int, value: Any) -> BadFile:
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 - only for this error

        return BadFile(
            self.file,
            f"column {place + 1} ({get_column_letter(place + 1)}) has no name in the header, but "
            f"{self.unit} {number} has {str(value)[:40]!r} in it",
            "Put a name above each column, in the first row of the file; or clear the column.",
        )


def parse_header(file: Path | str, cells: Sequence[Any], unit: str) -> Header:
    """Parse the names of the columns, trimmed. Raises BadFile if two are equal, or all empty."""
    names = tuple("" if cell is None else str(cell).strip() for cell in cells)
    if not any(names):
        raise BadFile(file, "it has no header", "Write the names of the columns in the first row.")
    for name in names:
        if name and names.count(name) > 1:
            raise BadFile(file, f"two columns are called {name}", "Rename or remove one of them.")
    return Header(file, names, unit)


def read_lines(file: Path, longest: int = MAX_LINE) -> Iterator[str]:
    """Yield the lines of a file with their ends, without its byte order mark.

    A line ends with LF, CRLF or CR. Raises BadFile if the file is not UTF-8 or a line is longer
    than `longest` characters, OSError.
    """
    _reject_utf16(file)
    number = 0
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        while line := stream.readline(longest):
            number += 1
            if "\0" in line:
                what = f"line {number} contains a NUL byte, so it is not a text file"
                raise BadFile(file, what, _SAVE_AS_UTF8)
            if not line.isascii() and _UNDECODED.search(line):
                raise BadFile(file, f"line {number} is not UTF-8", _SAVE_AS_UTF8)
            if len(line) == longest:
                what = f"line {number} has more than {longest - 1:,} characters"
                raise BadFile(file, what, "Check that it is the right file.")
            yield line


def read_text(file: Path) -> bytes:
    """Return a file's text as UTF-8, without its byte order mark. Raises BadFile, OSError."""
    _reject_utf16(file)
    body = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    if (offset := body.find(b"\0")) >= 0:
        what = f"line {line_number(body, offset)} contains a NUL byte, so it is not a text file"
        raise BadFile(file, what, _SAVE_AS_UTF8)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        what = f"line {line_number(body, error.start)} is not UTF-8"
        raise BadFile(file, what, _SAVE_AS_UTF8) from None
    return body


def line_number(body: bytes, offset: int) -> int:
    """Return the number of the line that contains a byte."""
    return body.count(b"\n", 0, offset) + 1


def empty_file(file: Path) -> BadFile:
    """Describe a file without contents."""
    return BadFile(file, "it is empty", "Check that it is the right file.")


def _reject_utf16(file: Path) -> None:
    with file.open("rb") as stream:
        if stream.read(2) in _UTF16:
            raise BadFile(file, "it is encoded in UTF-16, not in UTF-8", _SAVE_AS_UTF8)
