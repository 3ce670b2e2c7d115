"""In which order do the rows of a list stand?"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from p4books_sandbox.chance import Chance
from p4books_sandbox.spelling import value_of

Rows = list[bytes]
Record = Mapping[str, Any]

_AFTER_ALL = "~"  # stands behind every date


@dataclass(frozen=True)
class Order:
    """How rows made one after the other are laid, and where a new one is put among them."""

    lay: Callable[[Rows, Chance], Iterable[int]]
    place: Callable[[Rows, Record, Chance], int]


def _date_of(record: Record) -> str:
    date = value_of(record, "date_created")
    return date if isinstance(date, str) else _AFTER_ALL


def _date_in(row: bytes) -> str:
    return _date_of(orjson.loads(row))


def _by_date(rows: Rows, _: Chance) -> Iterable[int]:
    return sorted(range(len(rows)), key=lambda at: _date_in(rows[at]))


def _newest_first(rows: Rows, chance: Chance) -> Iterable[int]:
    return reversed(list(_by_date(rows, chance)))


def _before_older(rows: Rows, record: Record, _: Chance) -> int:
    turned = rows[::-1]
    return len(rows) - bisect_right(turned, _date_of(record), key=_date_in)


def _at_its_date(rows: Rows, record: Record, _: Chance) -> int:
    return bisect_right(rows, _date_of(record), key=_date_in)


def _shuffled(rows: Rows, chance: Chance) -> Iterable[int]:
    return sorted(range(len(rows)), key=lambda _: chance())


def _anywhere(rows: Rows, _: Record, chance: Chance) -> int:
    return int(chance() * (len(rows) + 1))


ORDERS = {
    "ascending": Order(lambda rows, _: range(len(rows)), lambda rows, _, __: len(rows)),
    "descending": Order(lambda rows, _: reversed(range(len(rows))), lambda _, __, ___: 0),
    "date": Order(_by_date, _at_its_date),  # by date_created; without one, last
    "newest_date": Order(_newest_first, _before_older),  # the other way round
    "none": Order(_shuffled, _anywhere),
}
