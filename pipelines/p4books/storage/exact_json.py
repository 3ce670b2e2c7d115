"""JSON without loss: parsing and encoding with every digit kept."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

# A double keeps 15 digits of any number. A longer run of digits (17 characters with the decimal
# point) may be a number that a double would change; its page takes the slower, exact path.
_DIGITS = bytes.maketrans(b"0123456789.", b"0" * 11)
_LONG = b"0" * 17
_FOURTH, _LONG_FOURTH = slice(None, None, 4), b"0" * 4  # of each fourth character, four in a row
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")  # unpaired, it is not valid text

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def has_long_number(body: bytes) -> bool:
    """Return whether a number may have more digits than a double keeps."""
    may_be = _LONG_FOURTH in body[_FOURTH].translate(_DIGITS)  # which takes half the time
    return may_be and _LONG in body.translate(_DIGITS)


def has_escaped_colon(body: bytes) -> bool:
    """Return whether a colon may be escaped, so that the colons of a body cannot be counted."""
    return any(part[:5].lower() == b"u003a" for part in body.split(b"\\")[1:])


class Constant(str):
    """A word in the place of a number: NaN, Infinity, -Infinity. JSON has no such words."""

    __slots__ = ()


def parse_exact(body: bytes) -> Any:
    """Parse JSON; a number or text that Python can't represent is kept as it was written.

    One such value in one row must not make a list unreadable for good. A name that an object has
    twice, with two values, has the list of both. Raises ValueError (UnicodeDecodeError if the text
    is not UTF-8, -16 or -32), and RecursionError if the document is nested too deeply.
    """
    if not has_long_number(body) and not has_escaped_colon(body):
        with suppress(ValueError, RecursionError):
            value = msgspec.json.decode(body)
            if msgspec.json.encode(value).count(b":") == body.count(b":"):
                return value
    # What msgspec rejects is parsed all the same: 1e400, NaN, unpaired surrogates, a byte order
    # mark; and so is what it ignores: a name that occurs twice.
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    value = json.loads(
        text,
        parse_float=_parse_float,
        parse_int=_parse_int,
        parse_constant=Constant,
        object_pairs_hook=_keep_repeated_names,
    )
    return _escape_surrogates(value) if _SURROGATE.search(text) else value


def _keep_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    return {name: _join_values([value for key, value in pairs if key == name]) for name in values}


def _join_values(values: Iterable[Any]) -> Any:
    """Return the one value that differs from null, or the list of them."""
    different = {repr(value): value for value in values if value is not None}
    return [*different.values()] if len(different) > 1 else next(iter(different.values()), None)


def _parse_float(digits: str) -> float | str:
    """Keep as text what a double would change, without zeros after its last decimal."""
    if has_long_number(digits.encode()) and "e" not in digits.lower():
        digits = digits.rstrip("0").rstrip(".")
    if has_long_number(digits.encode()):
        return digits
    number = float(digits)
    return number if math.isfinite(number) else digits


def _parse_int(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def _escape_surrogates(value: Any) -> Any:
    """Replace unpaired surrogates by their JSON escapes."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_escape_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_escape_surrogates(key): _escape_surrogates(item) for key, item in value.items()}
    return value


def parse_strict(text: str) -> Any:
    """Parse JSON with all digits of its numbers; duplicate names in an object are an error.

    Raises ValueError with the reason, JSONDecodeError among them, and RecursionError.
    """
    return json.loads(
        text,
        parse_int=_parse_strict_number(int),
        parse_float=_parse_strict_number(Decimal),
        parse_constant=_reject_constant,
        object_pairs_hook=_reject_repeated_names,
    )


def _parse_strict_number(kind: Callable[[str], int | Decimal]) -> Callable[[str], int | Decimal]:
    def parse_number(digits: str) -> int | Decimal:
        try:
            return kind(digits)
        except (ValueError, InvalidOperation):
            raise ValueError(f"the number {digits[:40]} is too large") from None

    return parse_number


def _reject_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _reject_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for written, value in pairs:
        name = written.strip()
        if not name:
            raise ValueError("a field has no name")
        if name in values:
            raise ValueError(f"the name {name} occurs twice")
        values[name] = value
    return values


def encode_document(value: object) -> bytes:
    """Encode a value as an indented document; amounts keep all their digits."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2) + b"\n"


def encode_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Encode rows as a list of objects, piece by piece, so that it need not fit into memory."""
    names = unique_names(columns)
    separator = b"["
    for row in rows:
        encoded = encode_document(dict(zip(names, row, strict=True))).rstrip()
        yield separator + b"\n  " + encoded.replace(b"\n", b"\n  ")
        separator = b","
    yield b"[]\n" if separator == b"[" else b"\n]\n"


def unique_names(names: Sequence[str]) -> list[str]:
    """Make column names unique, ignoring case: the second `a` becomes `a_1`."""
    unique: dict[str, str] = {}
    for name in names:
        new, number = name, 0
        while new.lower() in unique:
            number += 1
            new = f"{name}_{number}"
        unique[new.lower()] = new
    return list(unique.values())
