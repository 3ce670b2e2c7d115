"""Readers of CSV and JSON files."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from p4books.endpoints import ENDPOINTS
from p4books.push.errors import BadFile
from p4books.push.readers.rows import (
    HEADER_SEARCH,
    IsField,
    choose_header,
    empty_file,
    line_number,
    parse_header,
    read_lines,
    read_text,
)
from p4books.push.types import FileFormat, SourceRow, TableLayout
from p4books.storage.exact_json import parse_strict

CsvFields = tuple[int, list[str | None]]  # the line in which a row begins, and its fields

_DELIMITERS = "\t;|,"  # the first one wins a tie, since names can contain a comma
_QUOTED = re.compile('"[^"]*"')
_SEPARATOR_LINE = re.compile(r"sep=([\t;|,])\s*")  # above the header, as Excel understands it

_LITERAL = '"((?:[^"]|"")*)"'  # a text in a formula
_TEXT_FORMULA = re.compile(f"={_LITERAL}(?:&{_LITERAL})*")  # keeps a text from being converted

_FIX = "Fix it in the file."
_START = re.compile(rb"\s*(\S)")
_NOT_A_NUMBER = re.compile(rb"NaN|Infinity")
_LIST_NAMES = {name.replace("_", "") for name in ENDPOINTS}


def read_csv(
    file: Path, file_format: FileFormat | None = None, is_field: IsField | None = None
) -> Iterator[SourceRow]:
    """Yield the rows of a CSV file: texts as written, trimmed, None if empty.

    The delimiter (comma, semicolon, tab or |) is detected in the header. `is_field` helps to find
    the header. Raises BadFile, OSError.
    """
    file_format = file_format or FileFormat()
    source = read_lines(file, encoding=file_format.encoding)
    top = _find_header(file, source, file_format.header_row, is_field)
    rows = _split_fields(file, top, source)
    _, names = next(rows, (0, None))
    if names is None:
        raise empty_file(file)
    header = parse_header(file, names, "line", TableLayout(top.number))
    for number, values in rows:
        if len(values) > len(names):
            raise _too_many_fields(file, number, len(values), len(names))
        if row := header.build_row(number, values):
            yield row


def read_json(file: Path) -> Iterator[SourceRow]:
    """Yield the records of a JSON file, numbered from 1: a list, a page of the API, or one record.

    Numbers keep all their digits. Raises BadFile, OSError.
    """
    body = read_text(file)
    for number, record in enumerate(_split_records(file, body), 1):
        yield SourceRow(number, _parse_record(file, f"record {number}", bytes(record).decode()))


def read_ndjson(file: Path) -> Iterator[SourceRow]:
    """Yield the records of a file with one record per line; blank lines are skipped.

    Raises BadFile, OSError.
    """
    is_empty = True
    for number, line in enumerate(read_lines(file), 1):
        if line.strip():
            is_empty = False
            yield SourceRow(number, _parse_record(file, f"line {number}", line))
    if is_empty:
        raise empty_file(file)


@dataclass(frozen=True)
class CsvTop:
    """The top of a CSV file: the line of the header, its number, and lines read after it."""

    number: int
    delimiter: str
    lines: list[str]


def _split_fields(file: Path, top: CsvTop, source: Iterator[str]) -> Iterator[CsvFields]:
    """Yield the fields of the header, and of each row that is not blank."""
    reader = csv.reader(
        chain(top.lines, source), delimiter=top.delimiter, strict=True, skipinitialspace=True
    )
    while True:
        number = top.number + reader.line_num
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken_quotes(file, number, str(error)) from None
        values = [_read_field(field) for field in fields]
        if any(values):
            yield number, values


def _read_field(field: str) -> str | None:
    text = field.strip()
    if _TEXT_FORMULA.fullmatch(text):
        text = "".join(re.findall(_LITERAL, text)).replace('""', '"').strip()
    return text or None


def _find_header(
    file: Path, source: Iterator[str], header_row: int | None, is_field: IsField | None
) -> CsvTop:
    """Find the header: in the line that was declared, or near the top. Raises BadFile."""
    lines = list(islice(source, header_row or 2 * HEADER_SEARCH))
    declared = ""
    places = []
    for place, line in enumerate(lines):
        if match := _SEPARATOR_LINE.fullmatch(line):
            declared = match.group(1)
        elif line.strip():
            places.append(place)
    if header_row is None:
        places = places[:HEADER_SEARCH]
        chosen = choose_header([_split_line(lines[place], declared) for place in places], is_field)
        place = places[chosen] if places else len(lines)
    else:
        place = header_row - 1
        if place not in places:
            what = f"line {header_row} is empty, so the names of the columns are not in it"
            raise BadFile(file, what, "Correct --header-row.")
    rest = lines[place:]
    return CsvTop(place + 1, declared or _detect_delimiter(rest[0] if rest else ""), rest)


def _split_line(line: str, delimiter: str) -> list[str]:
    """Split a line that may be the header; one that is not a row of its own has no fields."""
    try:
        return next(csv.reader([line.rstrip()], delimiter=delimiter or _detect_delimiter(line)))
    except csv.Error:
        return []


def _detect_delimiter(line: str) -> str:
    unquoted = _QUOTED.sub("", line)
    return max(_DELIMITERS, key=unquoted.count) if any(d in unquoted for d in _DELIMITERS) else ","


def _too_many_fields(file: Path, number: int, fields: int, names: int) -> BadFile:
    return BadFile(
        file,
        f"line {number} has {fields} fields, but the header has {names}",
        'Quote values that contain the delimiter, as in "Widget, red".',
    )


def _broken_quotes(file: Path, number: int, message: str) -> BadFile:
    if "expected after" in message:
        what = f"the row that begins in line {number} has text after a closing quote"
    else:
        what = f"the row that begins in line {number} has a quote that is never closed"
    return BadFile(file, what, 'Double the quotes inside a quoted value, as in "Pipe 5""".')


def _split_records(file: Path, body: bytes) -> list[msgspec.Raw]:
    """Split JSON into records, without parsing them."""
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
    raise BadFile(file, "it contains neither a list of records nor a record", _FIX)


def _find_list(file: Path, body: bytes) -> list[msgspec.Raw]:
    """Return the list in a page (`data`, or the name of an endpoint), or the object as a record."""
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    lists = [name for name, raw in members.items() if bytes(memoryview(raw)[:1]) == b"["]
    name = "data" if "data" in lists else lists[0] if len(lists) == 1 else ""
    if name != "data" and re.sub("[-_ ]", "", name).lower() not in _LIST_NAMES:
        return [msgspec.Raw(body)]
    records = bytes(members[name])
    start = body.rfind(records)
    around = body[:start] + b"null" + body[start + len(records) :]
    _parse_record(file, "the object around the records", around.decode())  # repeated names
    return msgspec.json.decode(records, type=list[msgspec.Raw])


def _parse_record(file: Path, where: str, text: str) -> dict[str, Any]:
    try:
        record = parse_strict(text)
        json.dumps(record, ensure_ascii=False, default=str).encode()
    except json.JSONDecodeError as error:
        what = f"{where}, character {error.pos + 1}: invalid JSON ({error.msg})"
        raise BadFile(file, what, _FIX) from None
    except UnicodeEncodeError:
        raise BadFile(file, f"{where} contains an unpaired surrogate", _FIX) from None
    except RecursionError:
        raise BadFile(file, f"{where} is nested too deeply", _FIX) from None
    except ValueError as error:
        raise BadFile(file, f"{where}: {error}", _FIX) from None
    if not isinstance(record, dict):
        what = f'{where} is not an object, as in {{"code": "A-1"}}'
        raise BadFile(file, what, "Write each record as an object with the names of its fields.")
    return record


def _invalid_json(file: Path, body: bytes, error: Exception) -> BadFile:
    if isinstance(error, RecursionError):
        return BadFile(file, "it is nested too deeply", _FIX)
    message = str(error)
    if not (match := re.search(r"(.*) \(byte (\d+)\)", message)):
        return _truncated_or_unpaired(file, body)
    offset = int(match.group(2))
    line = line_number(body, offset)
    if number := _NOT_A_NUMBER.match(body, offset):
        return BadFile(file, f"line {line}: {number.group().decode()} is not a number", _FIX)
    remedy = "If each line is a record, name it .ndjson." if "trailing char" in message else _FIX
    what = match.group(1).removeprefix("JSON is malformed: ")
    return BadFile(file, f"line {line}: invalid JSON ({what})", remedy)


def _truncated_or_unpaired(file: Path, body: bytes) -> BadFile:
    """Tell a truncated file from one with an unpaired surrogate; msgspec raises the same error."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return BadFile(file, "it is truncated, so it is not valid JSON", "Export it again.")
    return BadFile(file, "it contains an unpaired surrogate", _FIX)
