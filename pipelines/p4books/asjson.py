"""How is a value told as JSON?"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def document(value: object) -> bytes:
    """Tell a value as one document for a person to read too; amounts have all their digits."""
    return msgspec.json.format(_ENCODER.encode(value), indent=2) + b"\n"


def rows(columns: Sequence[str], found: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Tell rows as a list of objects, piece by piece, so that it may be longer than the memory."""
    names = distinct(columns)
    before = b"["
    for row in found:
        one = document(dict(zip(names, row, strict=True))).rstrip()
        yield before + b"\n  " + one.replace(b"\n", b"\n  ")
        before = b","
    yield b"[]\n" if before == b"[" else b"\n]\n"


def distinct(names: Sequence[str]) -> list[str]:
    """Give the second of two columns of one name another: a, a_1. Case does not tell them apart."""
    found: dict[str, str] = {}
    for name in names:
        new, number = name, 0
        while new.lower() in found:
            number += 1
            new = f"{name}_{number}"
        found[new.lower()] = new
    return list(found.values())
