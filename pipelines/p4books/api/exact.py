"""How is JSON read without changing a value?"""

import json
import math
import re
from contextlib import suppress
from typing import Any

import msgspec

# A double holds 15 digits of any number. A run of more than that (with its point: 17 signs) may
# be a number that a double would change, and its page takes the slower, exact way.
_DIGITS = bytes.maketrans(b"0123456789.", b"0" * 11)
_LONG = b"0" * 17
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")  # of a character; alone it is no text


def has_long_number(body: bytes) -> bool:
    """Tell whether a number may have more digits than a double holds."""
    return _LONG in body.translate(_DIGITS)


def parse(body: bytes) -> Any:
    """Read JSON; what a number or a text here can't hold is kept as the text that stood there.

    One such value in one row must not keep a list from being read for ever. Raises ValueError, and
    RecursionError where it is nested too deeply.
    """
    if not has_long_number(body):
        with suppress(ValueError, RecursionError):
            return msgspec.json.decode(body)
    # What msgspec does not take is read all the same: 1e400, NaN, half a character, a byte order
    # mark.
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    found = json.loads(text, parse_float=_float, parse_int=_int, parse_constant=str)
    return _written_out(found) if _HALF.search(text) else found


def _float(digits: str) -> float | str:
    """Keep as text what a double would change; all else as on a page of short numbers."""
    if has_long_number(digits.encode()):
        return digits
    number = float(digits)
    return number if math.isfinite(number) else digits


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def _written_out(value: Any) -> Any:
    """Write half a character out as the escape that it is in JSON."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_written_out(each) for each in value]
    if isinstance(value, dict):
        return {_written_out(name): _written_out(each) for name, each in value.items()}
    return value
