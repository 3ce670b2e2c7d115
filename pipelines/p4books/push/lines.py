"""How is a CSV file read?"""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from p4books.push import plain
from p4books.push.errors import BadFile
from p4books.push.header import header
from p4books.push.row import Row

_DELIMITERS = "\t;|,"  # of two that are as many, the first: a comma stands in names too
_QUOTED = re.compile('"[^"]*"')
_TOLD = re.compile(r"sep=([\t;|,])\s*")  # what Excel understands above the header

Fields = tuple[int, list[str | None]]  # the line in which a row begins, and what stands in it


def read(file: Path) -> Iterator[Row]:
    """Give the rows of a CSV file: texts as written, trimmed, an empty one as None.

    The delimiter (comma, semicolon, tab or |) is found in the header. Raises BadFile, OSError.
    """
    found = _fields(file)
    _, names = next(found, (0, None))
    if names is None:
        raise plain.empty(file)
    head = header(file, names, "line")
    for number, values in found:
        if len(values) > len(names):
            raise _too_many(file, number, len(values), len(names))
        if row := head.row(number, values):
            yield row


def _fields(file: Path) -> Iterator[Fields]:
    """Give what stands in each row that is not blank."""
    source = plain.lines(file)
    above, first, delimiter = _top(source)
    reader = csv.reader(
        chain([first], source), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    while True:
        number = above + reader.line_num + 1
        try:
            written = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _misquoted(file, number, str(error)) from None
        values = [value.strip() or None for value in written]
        if any(values):
            yield number, values


def _top(source: Iterator[str]) -> tuple[int, str, str]:
    """Find the header: how many lines stand above it, its first line, and the delimiter."""
    told = ""
    for above, line in enumerate(source):
        if match := _TOLD.fullmatch(line):
            told = match.group(1)
        elif line.strip():
            return above, line, told or _delimiter(line)
    return 0, "", ","


def _delimiter(line: str) -> str:
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count) if any(d in bare for d in _DELIMITERS) else ","


def _too_many(file: Path, number: int, values: int, names: int) -> BadFile:
    return BadFile(
        file,
        f"line {number} has {values} fields, and the header {names}",
        'Put a value that has the delimiter in it into quotes, as in "Widget, red".',
    )


def _misquoted(file: Path, number: int, said: str) -> BadFile:
    if "expected after" in said:
        what = f"in the row that begins in line {number} something stands after a closing quote"
    else:
        what = f"a quote that opens in the row that begins in line {number} is never closed"
    return BadFile(file, what, 'Write a quote inside of quotes twice, as in "Pipe 5""".')
