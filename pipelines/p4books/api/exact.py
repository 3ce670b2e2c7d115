"""How is JSON read without changing a number?"""

import json
import math
from contextlib import suppress
from typing import Any

import msgspec

# A double holds 15 digits of any number. A run of more than that (with its point: 17 signs) may
# be a number that a double would change, and its page takes the slower, exact way.
_DIGITS = bytes.maketrans(b"0123456789.", b"0" * 11)
_LONG = b"0" * 17


def has_long_number(body: bytes) -> bool:
    """Tell whether a number may have more digits than a double holds."""
    return _LONG in body.translate(_DIGITS)


def parse(body: bytes) -> Any:
    """Read JSON; a number that a double would change is kept as text. Raises ValueError."""
    if not has_long_number(body):
        with suppress(ValueError, RecursionError):
            return msgspec.json.decode(body)
    try:  # what msgspec does not take may still be JSON: 1e400, a byte order mark
        return json.loads(body, parse_float=_float, parse_int=_int, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _float(digits: str) -> float | str:
    """Keep as text what a double would change; all else as on a page of short numbers."""
    if has_long_number(digits.encode()):
        return digits
    number = float(digits)
    return number if math.isfinite(number) else digits


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def _refuse(constant: str) -> None:
    raise ValueError(constant)
