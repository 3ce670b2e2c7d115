"""How is JSON read that a person wrote?"""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any


def parse(text: str) -> Any:
    """Read JSON with all digits of its numbers, and each name once in its object.

    Raises ValueError that says what it is, JSONDecodeError among them, and RecursionError.
    """
    return json.loads(
        text,
        parse_int=_number(int),
        parse_float=_number(Decimal),
        parse_constant=_constant,
        object_pairs_hook=_object,
    )


def _number(kind: Callable[[str], int | Decimal]) -> Callable[[str], int | Decimal]:
    def read(digits: str) -> int | Decimal:
        try:
            return kind(digits)
        except (ValueError, InvalidOperation):
            raise ValueError(f"the number {digits[:40]} is too large") from None

    return read


def _constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for written, value in pairs:
        name = written.strip()
        if not name:
            raise ValueError("a field has no name")
        if name in found:
            raise ValueError(f"the name {name} stands there twice")
        found[name] = value
    return found
