"""Readers of CSV and JSON files."""

import csv
import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from p4books.endpoints import ENDPOINTS
from p4books.push.errors import BadFile
from p4books.push.readers.rows import empty_file, line_number, parse_header, read_lines, read_text
from p4books.push.types import SourceRow
from p4books.storage.exact_json import parse_strict

_DELIMITERS = "\t;|,"  # of two that are as many, the first: a comma stands in names too
_QUOTED = re.compile('"[^"]*"')
_TOLD = re.compile(r"sep=([\t;|,])\s*")  # what Excel understands above the header

CsvFields = tuple[int, list[str | None]]  # the line in which a row begins, and what stands in it


def read_csv(file: Path) -> Iterator[SourceRow]:
    """Give the rows of a CSV file: texts as written, trimmed, an empty one as None.

    The delimiter (comma, semicolon, tab or |) is found in the header. Raises BadFile, OSError.
    """
    found = _split_fields(file)
    _, names = next(found, (0, None))
    if names is None:
        raise empty_file(file)
    head = parse_header(file, names, "line")
    for number, values in found:
        if len(values) > len(names):
            raise _too_many_fields(file, number, len(values), len(names))
        if row := head.row(number, values):
            yield row


def _split_fields(file: Path) -> Iterator[CsvFields]:
    """Give what stands in each row that is not blank."""
    source = read_lines(file)
    above, first, delimiter = _read_header(source)
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
            raise _broken_quotes(file, number, str(error)) from None
        values = [value.strip() or None for value in written]
        if any(values):
            yield number, values


def _read_header(source: Iterator[str]) -> tuple[int, str, str]:
    """Find the header: how many lines stand above it, its first line, and the delimiter."""
    told = ""
    for above, line in enumerate(source):
        if match := _TOLD.fullmatch(line):
            told = match.group(1)
        elif line.strip():
            return above, line, told or _detect_delimiter(line)
    return 0, "", ","


def _detect_delimiter(line: str) -> str:
    bare = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=bare.count) if any(d in bare for d in _DELIMITERS) else ","


def _too_many_fields(file: Path, number: int, values: int, names: int) -> BadFile:
    return BadFile(
        file,
        f"line {number} has {values} fields, and the header {names}",
        'Put a value that has the delimiter in it into quotes, as in "Widget, red".',
    )


def _broken_quotes(file: Path, number: int, said: str) -> BadFile:
    if "expected after" in said:
        what = f"in the row that begins in line {number} something stands after a closing quote"
    else:
        what = f"a quote that opens in the row that begins in line {number} is never closed"
    return BadFile(file, what, 'Write a quote inside of quotes twice, as in "Pipe 5""".')


_MEND = "Mend it there."
_START = re.compile(rb"\s*(\S)")
_NO_NUMBER = re.compile(rb"NaN|Infinity")
_LISTS = {name.replace("_", "") for name in ENDPOINTS}


def read_json(file: Path) -> Iterator[SourceRow]:
    """Give the records of a JSON file, numbered from 1: a list, a page as the API's, or one record.

    Integers and fractions have all their digits. Raises BadFile, OSError.
    """
    body = read_text(file)
    for number, one in enumerate(_split_records(file, body), 1):
        yield SourceRow(number, _parse_record(file, f"record {number}", bytes(one).decode()))


def read_ndjson(file: Path) -> Iterator[SourceRow]:
    """Give the records of a file that has one in each line; blank lines are skipped.

    Raises BadFile, OSError.
    """
    found = False
    for number, line in enumerate(read_lines(file), 1):
        if line.strip():
            found = True
            yield SourceRow(number, _parse_record(file, f"line {number}", line))
    if not found:
        raise empty_file(file)


def _split_records(file: Path, body: bytes) -> list[msgspec.Raw]:
    """Find where each record stands, without reading them."""
    start = _START.match(body)
    if start is None:
        raise empty_file(file)
    try:
        if start.group(1) == b"[":
            return msgspec.json.decode(body, type=list[msgspec.Raw])
        if start.group(1) == b"{":
            return _find_list(file, body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _invalid_json(file, body, error) from None
    raise BadFile(file, "it holds neither a list of records nor a record", _MEND)


def _find_list(file: Path, body: bytes) -> list[msgspec.Raw]:
    """Tell a page (`data`, or the name of an endpoint over its only list) from a record."""
    found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    lists = [name for name, raw in found.items() if bytes(memoryview(raw)[:1]) == b"["]
    name = "data" if "data" in lists else lists[0] if len(lists) == 1 else ""
    if name != "data" and re.sub("[-_ ]", "", name).lower() not in _LISTS:
        return [msgspec.Raw(body)]
    whole = bytes(found[name])
    start = body.rfind(whole)
    around = body[:start] + b"null" + body[start + len(whole) :]
    _parse_record(file, "the object around the records", around.decode())  # each name in it once
    return msgspec.json.decode(whole, type=list[msgspec.Raw])


def _parse_record(file: Path, where: str, text: str) -> dict[str, Any]:
    try:
        found = parse_strict(text)
        json.dumps(found, ensure_ascii=False, default=str).encode()
    except json.JSONDecodeError as error:
        place = f"{where}, letter {error.pos + 1}"
        raise BadFile(file, f"{place}: this is no JSON ({error.msg})", _MEND) from None
    except UnicodeEncodeError:
        raise BadFile(file, f"{where} has half a character in a text", _MEND) from None
    except RecursionError:
        raise BadFile(file, f"{where} is nested too deeply", _MEND) from None
    except ValueError as error:
        raise BadFile(file, f"{where}: {error}", _MEND) from None
    if not isinstance(found, dict):
        what = f"{where} is no object, as in {{'code': 'A-1'}}".replace("'", '"')
        raise BadFile(file, what, "Give each record as an object with the names of its fields.")
    return found


def _invalid_json(file: Path, body: bytes, error: Exception) -> BadFile:
    if isinstance(error, RecursionError):
        return BadFile(file, "it is nested too deeply", _MEND)
    said = str(error)
    if not (match := re.search(r"(.*) \(byte (\d+)\)", said)):
        return _excerpt(file, body)
    place = int(match.group(2))
    line = line_number(body, place)
    if number := _NO_NUMBER.match(body, place):
        return BadFile(file, f"line {line}: {number.group().decode()} is no number", _MEND)
    remedy = "If each line is a record, name it .ndjson." if "trailing char" in said else _MEND
    what = match.group(1).removeprefix("JSON is malformed: ")
    return BadFile(file, f"line {line}: this is no JSON ({what})", remedy)


def _excerpt(file: Path, body: bytes) -> BadFile:
    """Tell a file that breaks off from one with half a character, which msgspec calls the same."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return BadFile(file, "it breaks off, so it is no JSON", "Write it anew, whole.")
    return BadFile(file, "it has half a character in a text", _MEND)
