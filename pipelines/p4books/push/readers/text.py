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

CsvFields = tuple[int, list[str | None]]  # the line in which a row begins, and its fields

_DELIMITERS = "\t;|,"  # the first one wins a tie, since names can contain a comma
_QUOTED = re.compile('"[^"]*"')
_SEPARATOR_LINE = re.compile(r"sep=([\t;|,])\s*")  # above the header, as Excel understands it

_FIX = "Fix it in the file."
_START = re.compile(rb"\s*(\S)")
_NOT_A_NUMBER = re.compile(rb"NaN|Infinity")
_LIST_NAMES = {name.replace("_", "") for name in ENDPOINTS}


def read_csv(file: Path) -> Iterator[SourceRow]:
    """Yield the rows of a CSV file: texts as written, trimmed, None if empty.

    The delimiter (comma, semicolon, tab or |) is detected in the header. Raises BadFile, OSError.
    """
    rows = _split_fields(file)
    _, names = next(rows, (0, None))
    if names is None:
        raise empty_file(file)
    header = parse_header(file, names, "line")
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


def _split_fields(file: Path) -> Iterator[CsvFields]:
    """Yield the fields of each row that is not blank."""
    source = read_lines(file)
    lines_above, header, delimiter = _read_header(source)
    reader = csv.reader(
        chain([header], source), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    while True:
        number = lines_above + reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _broken_quotes(file, number, str(error)) from None
        values = [field.strip() or None for field in fields]
        if any(values):
            yield number, values


def _read_header(source: Iterator[str]) -> tuple[int, str, str]:
    """Find the header; return how many lines are above it, its first line, and the delimiter."""
    declared = ""
    for lines_above, line in enumerate(source):
        if match := _SEPARATOR_LINE.fullmatch(line):
            declared = match.group(1)
        elif line.strip():
            return lines_above, line, declared or _detect_delimiter(line)
    return 0, "", ","


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
