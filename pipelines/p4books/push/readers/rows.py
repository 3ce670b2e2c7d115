"""Headers, lines and text of files, as every reader needs them."""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from p4books.errors import UsageError
from p4books.push.errors import BadFile
from p4books.push.types import SourceRow, TableLayout

MAX_LINE = 16_000_000  # characters of a line; a longer one is not text
HEADER_SEARCH = 20  # rows among which the header is

IsField = Callable[[str], bool]  # whether a column of this name can be a field

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNDECODED = re.compile("[\udc80-\udcff]")  # a byte that is not valid, as Python decodes it
_SAVE_AS_UTF8 = "Save it as UTF-8 (in Excel: Save As, CSV UTF-8)."
_NAME_ENCODING = (
    "If a Windows program such as Excel saved it as CSV, use `--encoding cp1252`; otherwise save "
    "it as UTF-8."
)


@dataclass(frozen=True)
class Header:
    """The names of a file's columns, '' for a column without a name.

    `unit` is what its rows are counted in: line, or row. `hidden` are the places of columns that a
    person does not see; their values are not read.
    """

    file: Path | str
    names: tuple[str, ...]
    unit: str
    layout: TableLayout | None = None
    hidden: frozenset[int] = field(default_factory=frozenset)

    def build_row(
        self, number: int, values: Sequence[Any], *, is_hidden: bool = False
    ) -> SourceRow | None:
        """Return a row with its values by column; None if all are empty.

        Raises BadFile for a value in a column without a name.
        """
        if self.hidden:
            values = [None if n in self.hidden else value for n, value in enumerate(values)]
        if all(value is None for value in values):
            return None
        for place in range(len(values)):
            if values[place] is not None and not (place < len(self.names) and self.names[place]):
                raise self._unnamed_column(number, place, values[place])
        short = len(self.names) - len(values)
        padded = [*values, *[None] * short] if short > 0 else values
        named = zip(self.seen_names, padded, strict=False)
        seen = {name: value for name, value in named if name}
        return SourceRow(number, seen, is_hidden, self.layout)

    @cached_property
    def seen_names(self) -> tuple[str, ...]:
        """The names of the columns that a person sees, '' for the others."""
        return tuple("" if n in self.hidden else name for n, name in enumerate(self.names))

    def _unnamed_column(self, number: int, place: int, value: Any) -> BadFile:
        from openpyxl.utils import get_column_letter  # noqa: PLC0415 - only for this error

        row = self.layout.header_row if self.layout else 1
        return BadFile(
            self.file,
            f"column {place + 1} ({get_column_letter(place + 1)}) has no name in the header, but "
            f"{self.unit} {number} has {str(value)[:40]!r} in it",
            f"Put a name above each column, in {self.unit} {row}, or clear the column; if the "
            f"names are in another {self.unit}, declare it with --header-row.",
        )


def parse_header(
    file: Path | str,
    cells: Sequence[Any],
    unit: str,
    layout: TableLayout | None = None,
    hidden: frozenset[int] = frozenset(),
) -> Header:
    """Parse the names of the columns, trimmed. Raises BadFile if two are equal, or all empty."""
    names = tuple("" if cell is None else str(cell).strip() for cell in cells)
    if not any(names):
        raise BadFile(file, "it has no header", "Write the names of the columns in the first row.")
    seen = [name for place, name in enumerate(names) if place not in hidden]
    for name in seen:
        if name and seen.count(name) > 1:
            raise BadFile(file, f"two columns are called {name}", "Rename or remove one of them.")
    return Header(file, names, unit, layout, hidden)


def choose_header(rows: Sequence[Sequence[Any]], is_field: IsField | None) -> int:
    """Return which of the first rows of a file has the names of its columns.

    It is the first one, unless that has no name of a field and a later one has two.
    """
    if is_field is None:
        return 0
    fields = [sum(is_field(str(cell)) for cell in cells if cell is not None) for cells in rows]
    if not fields or fields[0]:
        return 0
    return next((place for place, count in enumerate(fields) if count > 1), 0)


def check_encoding(name: str) -> None:
    """Check that Python knows a text encoding of this name. Raises UsageError."""
    try:
        "ñ".encode(name, "replace")
    except (LookupError, UnicodeError, ValueError):
        raise UsageError(
            f"Unknown encoding '{name}'. Nothing was sent. Common ones are utf-8, cp1252 "
            "(Windows), cp850 (DOS) and mac_roman."
        ) from None


def read_lines(file: Path, longest: int = MAX_LINE, encoding: str | None = None) -> Iterator[str]:
    """Yield the lines of a file with their ends, without its byte order mark.

    A line ends with LF, CRLF or CR. A byte order mark takes precedence over `encoding`; without
    both it is UTF-8. Raises BadFile if the file is in another encoding or a line is longer than
    `longest` characters, OSError.
    """
    used = _find_encoding(file, encoding)
    number = 0
    with file.open(encoding=used, errors="surrogateescape", newline="") as stream:
        while line := _read_line(file, stream, longest, number + 1):
            number += 1
            _check_line(file, line, number, used)
            if len(line) == longest:
                what = f"line {number} has more than {longest - 1:,} characters"
                raise BadFile(file, what, "Check that it is the right file.")
            yield line


def read_text(file: Path) -> bytes:
    """Return a file's text as UTF-8, without its byte order mark. Raises BadFile, OSError."""
    body = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    if body.startswith(_UTF16):
        try:
            body = body.decode("utf-16").encode()
        except UnicodeError:
            raise BadFile(file, "it is damaged UTF-16", _SAVE_AS_UTF8) from None
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


def _find_encoding(file: Path, declared: str | None) -> str:
    with file.open("rb") as stream:
        start = stream.read(3)
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if start.startswith(_UTF16) else codecs.lookup(declared or "utf-8").name


def _read_line(file: Path, stream: Any, longest: int, number: int) -> str:
    try:
        line: str = stream.readline(longest)
    except UnicodeError:
        raise BadFile(file, f"line {number} is not {stream.encoding}", _SAVE_AS_UTF8) from None
    return line


def _check_line(file: Path, line: str, number: int, encoding: str) -> None:
    """Check that a line is text in the encoding that it was decoded with. Raises BadFile."""
    if "\0" in line:
        what = f"line {number} contains a NUL byte, so it is not a text file"
        raise BadFile(file, what, _SAVE_AS_UTF8)
    if line.isascii():
        return
    is_utf8 = encoding.startswith("utf-8")
    if _UNDECODED.search(line):
        name = "UTF-8" if is_utf8 else encoding
        raise BadFile(file, f"line {number} is not {name}", _NAME_ENCODING)
    if not is_utf8 and encoding != "utf-16" and _is_utf8(line.encode(encoding, "replace")):
        what = f"line {number} is UTF-8, not {encoding}"
        raise BadFile(file, what, "Use `--encoding utf-8`.")


def _is_utf8(body: bytes) -> bool:
    try:
        return not body.decode().isascii()
    except UnicodeDecodeError:
        return False
