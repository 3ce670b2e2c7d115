"""How is JSON read, one record after the other?"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from p4books.endpoints import ENDPOINTS
from p4books.push import plain, strict
from p4books.push.errors import BadFile
from p4books.push.row import Row

_MEND = "Mend it there."
_START = re.compile(rb"\s*(\S)")
_NO_NUMBER = re.compile(rb"NaN|Infinity")
_LISTS = {name.replace("_", "") for name in ENDPOINTS}


def listed(file: Path) -> Iterator[Row]:
    """Give the records of a JSON file, numbered from 1: a list, a page as the API's, or one record.

    Integers and fractions have all their digits. Raises BadFile, OSError.
    """
    body = plain.whole(file)
    for number, one in enumerate(_raws(file, body), 1):
        yield Row(number, _record(file, f"record {number}", bytes(one).decode()))


def lined(file: Path) -> Iterator[Row]:
    """Give the records of a file that has one in each line; blank lines are skipped.

    Raises BadFile, OSError.
    """
    found = False
    for number, line in enumerate(plain.lines(file), 1):
        if line.strip():
            found = True
            yield Row(number, _record(file, f"line {number}", line))
    if not found:
        raise plain.empty(file)


def _raws(file: Path, body: bytes) -> list[msgspec.Raw]:
    """Find where each record stands, without reading them."""
    start = _START.match(body)
    if start is None:
        raise plain.empty(file)
    try:
        if start.group(1) == b"[":
            return msgspec.json.decode(body, type=list[msgspec.Raw])
        if start.group(1) == b"{":
            return _in_object(file, body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _broken(file, body, error) from None
    raise BadFile(file, "it holds neither a list of records nor a record", _MEND)


def _in_object(file: Path, body: bytes) -> list[msgspec.Raw]:
    """Tell a page (`data`, or the name of an endpoint over its only list) from a record."""
    found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    lists = [name for name, raw in found.items() if bytes(memoryview(raw)[:1]) == b"["]
    name = "data" if "data" in lists else lists[0] if len(lists) == 1 else ""
    if name != "data" and re.sub("[-_ ]", "", name).lower() not in _LISTS:
        return [msgspec.Raw(body)]
    whole = bytes(found[name])
    start = body.rfind(whole)
    around = body[:start] + b"null" + body[start + len(whole) :]
    _record(file, "the object around the records", around.decode())  # each name in it once
    return msgspec.json.decode(whole, type=list[msgspec.Raw])


def _record(file: Path, where: str, text: str) -> dict[str, Any]:
    try:
        found = strict.parse(text)
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


def _broken(file: Path, body: bytes, error: Exception) -> BadFile:
    if isinstance(error, RecursionError):
        return BadFile(file, "it is nested too deeply", _MEND)
    said = str(error)
    if not (match := re.search(r"(.*) \(byte (\d+)\)", said)):
        return _cut(file, body)
    place = int(match.group(2))
    line = plain.line_of(body, place)
    if number := _NO_NUMBER.match(body, place):
        return BadFile(file, f"line {line}: {number.group().decode()} is no number", _MEND)
    remedy = "If each line is a record, name it .ndjson." if "trailing char" in said else _MEND
    what = match.group(1).removeprefix("JSON is malformed: ")
    return BadFile(file, f"line {line}: this is no JSON ({what})", remedy)


def _cut(file: Path, body: bytes) -> BadFile:
    """Tell a file that breaks off from one with half a character, which msgspec calls the same."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return BadFile(file, "it breaks off, so it is no JSON", "Write it anew, whole.")
    return BadFile(file, "it has half a character in a text", _MEND)
