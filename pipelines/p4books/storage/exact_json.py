"""JSON without loss: parsing and writing with every digit kept."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
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


def parse_exact(body: bytes) -> Any:
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


def parse_strict(text: str) -> Any:
    """Read JSON with all digits of its numbers, and each name once in its object.

    Raises ValueError that says what it is, JSONDecodeError among them, and RecursionError.
    """
    return json.loads(
        text,
        parse_int=_parse_strict_number(int),
        parse_float=_parse_strict_number(Decimal),
        parse_constant=_reject_constant,
        object_pairs_hook=_reject_repeated_names,
    )


def _parse_strict_number(kind: Callable[[str], int | Decimal]) -> Callable[[str], int | Decimal]:
    def read(digits: str) -> int | Decimal:
        try:
            return kind(digits)
        except (ValueError, InvalidOperation):
            raise ValueError(f"the number {digits[:40]} is too large") from None

    return read


def _reject_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _reject_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for written, value in pairs:
        name = written.strip()
        if not name:
            raise ValueError("a field has no name")
        if name in found:
            raise ValueError(f"the name {name} stands there twice")
        found[name] = value
    return found


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def encode_document(value: object) -> bytes:
    """Tell a value as one document for a person to read too; amounts have all their digits."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2) + b"\n"


def encode_rows(columns: Sequence[str], found: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Tell rows as a list of objects, piece by piece, so that it may be longer than the memory."""
    names = unique_names(columns)
    before = b"["
    for row in found:
        one = encode_document(dict(zip(names, row, strict=True))).rstrip()
        yield before + b"\n  " + one.replace(b"\n", b"\n  ")
        before = b","
    yield b"[]\n" if before == b"[" else b"\n]\n"


def unique_names(names: Sequence[str]) -> list[str]:
    """Give the second of two columns of one name another: a, a_1. Case does not tell them apart."""
    found: dict[str, str] = {}
    for name in names:
        new, number = name, 0
        while new.lower() in found:
            number += 1
            new = f"{name}_{number}"
        found[new.lower()] = new
    return list(found.values())
