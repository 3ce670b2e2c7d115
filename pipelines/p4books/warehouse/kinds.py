"""What may stand in a cell of a seed?"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Kind:
    """A kind of value: its type in DuckDB, how it is said, and which texts are one."""

    type: str
    said: str
    fits: Callable[[str], bool]


def _whole(low: int, high: int) -> Kind:
    def fits(value: str) -> bool:
        return re.fullmatch(r"-?\d{1,9}", value) is not None and low <= int(value) <= high

    return Kind("integer", f"a whole number from {low} to {high}", fits)


def _is_share(value: str) -> bool:
    return re.fullmatch(r"\d*\.?\d{1,6}0*", value) is not None and Decimal(value) <= 1


def _is_day(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


WORD = Kind("varchar", "a text", bool)
DAY = Kind("date", "a day as in 2026-03-31", _is_day)
SHARE = Kind(
    "decimal(9, 6)",
    "a number from 0 to 1 with a point and at most six decimals, as in 0.07 for 7 %",
    _is_share,
)
MONTH = _whole(1, 12)
DAY_OF_MONTH = _whole(1, 31)
DAYS = _whole(-366, 366)
YEAR = _whole(1, 9999)
