"""Rows, headers and text files, as every reader needs them."""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p4books.push.errors import BadFile
from p4books.push.types import SourceRow


@dataclass(frozen=True)
class Header:
    """The names over the columns of a file, '' where there is none.

    `unit` is what its rows are counted in: line, or row.
    """

    file: Path | str
    names: tuple[str, ...]
    unit: str

    def row(self, number: int, values: Sequence[Any]) -> SourceRow | None:
        """Put a row's values below their names; None where all are empty.

        Raises BadFile where a value has no name.
        """
        if all(value is None for value in values):
            return None
        for place in range(len(values)):
            if values[place] is not None and not (place < len(self.names) and self.names[place]):
                raise self._nameless(number, place, values[place])
        short = len(self.names) - len(values)
        padded = [*values, *[None] * short] if short > 0 else values
        return SourceRow(number, {n: v for n, v in zip(self.names, padded, strict=False) if n})

    def _nameless(self, number: int, place: int, value: Any) -> BadFile:
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 - only this fault needs it

        return BadFile(
            self.file,
            f"column {place + 1} ({get_column_letter(place + 1)}) has no name in the header, and "
            f"{self.unit} {number} has {str(value)[:40]!r} in it",
            "Put a name over each column, in one row that is the first; or empty the column.",
        )


def parse_header(file: Path | str, written: Sequence[Any], unit: str) -> Header:
    """Read the names of the columns, trimmed. Raises BadFile where two are the same, or none is."""
    names = tuple("" if name is None else str(name).strip() for name in written)
    if not any(names):
        raise BadFile(
            file, "it has no header", "Write the names of the columns into the first row."
        )
    for name in names:
        if name and names.count(name) > 1:
            raise BadFile(
                file, f"two columns are called {name}", "Rename one of them, or take it out."
            )
    return Header(file, names, unit)


MAX_LINE = 16_000_000  # letters of a line; what is longer is no line

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_STRAY = re.compile("[\udc80-\udcff]")  # a byte that is no UTF-8, as Python decodes it
_SAVE = "Save it as UTF-8 (in Excel: Save As, CSV UTF-8)."


def read_lines(file: Path, longest: int = MAX_LINE) -> Iterator[str]:
    """Give the lines of a file with their ends, without its byte order mark.

    A line ends with LF, CRLF or CR. Raises BadFile where it is not UTF-8 or longer than `longest`
    letters, OSError.
    """
    _reject_utf16(file)
    number = 0
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        while line := stream.readline(longest):
            number += 1
            if "\0" in line:
                raise BadFile(file, f"line {number} holds a NUL byte, so it is no text", _SAVE)
            if not line.isascii() and _STRAY.search(line):
                raise BadFile(file, f"line {number} is not UTF-8", _SAVE)
            if len(line) == longest:
                raise BadFile(
                    file, f"line {number} has no end", "Look whether it is the file that you mean."
                )
            yield line


def read_text(file: Path) -> bytes:
    """Give a file's text as UTF-8, without its byte order mark. Raises BadFile, OSError."""
    _reject_utf16(file)
    body = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    if (place := body.find(b"\0")) >= 0:
        what = f"line {line_number(body, place)} holds a NUL byte, so it is no text"
        raise BadFile(file, what, _SAVE)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadFile(file, f"line {line_number(body, error.start)} is not UTF-8", _SAVE) from None
    return body


def line_number(body: bytes, place: int) -> int:
    """Tell in which line a byte stands."""
    return body.count(b"\n", 0, place) + 1


def empty_file(file: Path) -> BadFile:
    """Say that a file holds nothing."""
    return BadFile(file, "it is empty", "Look whether it is the file that you mean.")


def _reject_utf16(file: Path) -> None:
    with file.open("rb") as stream:
        if stream.read(2) in _UTF16:
            raise BadFile(file, "it is written in UTF-16, not in UTF-8", _SAVE)
