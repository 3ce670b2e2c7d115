"""Which text stands in a file?"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from p4books.push.errors import BadFile

LONGEST = 16_000_000  # letters of a line; what is longer is no line

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_STRAY = re.compile("[\udc80-\udcff]")  # a byte that is no UTF-8, as Python decodes it
_SAVE = "Save it as UTF-8 (in Excel: Save As, CSV UTF-8)."


def lines(file: Path, longest: int = LONGEST) -> Iterator[str]:
    """Give the lines of a file with their ends, without its byte order mark.

    A line ends with LF, CRLF or CR. Raises BadFile where it is not UTF-8 or longer than `longest`
    letters, OSError.
    """
    _refuse_utf16(file)
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


def whole(file: Path) -> bytes:
    """Give a file's text as UTF-8, without its byte order mark. Raises BadFile, OSError."""
    _refuse_utf16(file)
    body = file.read_bytes().removeprefix(codecs.BOM_UTF8)
    if (place := body.find(b"\0")) >= 0:
        what = f"line {line_of(body, place)} holds a NUL byte, so it is no text"
        raise BadFile(file, what, _SAVE)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BadFile(file, f"line {line_of(body, error.start)} is not UTF-8", _SAVE) from None
    return body


def line_of(body: bytes, place: int) -> int:
    """Tell in which line a byte stands."""
    return body.count(b"\n", 0, place) + 1


def empty(file: Path) -> BadFile:
    """Say that a file holds nothing."""
    return BadFile(file, "it is empty", "Look whether it is the file that you mean.")


def _refuse_utf16(file: Path) -> None:
    with file.open("rb") as stream:
        if stream.read(2) in _UTF16:
            raise BadFile(file, "it is written in UTF-16, not in UTF-8", _SAVE)
