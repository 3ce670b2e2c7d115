"""What stands in a list?"""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from threading import Lock
from typing import Any

import orjson

from p4books_sandbox.options import Chance, Options, chance
from p4books_sandbox.render import dress_of, key_of, value_of


class Codes:
    """The rows of one list by their code, so that nobody reads them all to find it."""

    def __init__(self, rows: Iterable[bytes]) -> None:
        """Take the rows as they are written, whatever spelling they have."""
        self._rows: dict[str, list[bytes]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: bytes) -> None:
        """Note one more row; what is no text is no code."""
        code = value_of(orjson.loads(row), "code")
        if isinstance(code, str):
            self._rows.setdefault(code, []).append(row)

    def rows(self, code: object) -> list[bytes]:
        """Give the rows with a code, in the order they were noted."""
        return self._rows.get(code, []) if isinstance(code, str) else []

    def free(self, prefix: str, number: int) -> str:
        """Give a code that no row has, like INV-000123: of the first number from one on."""
        codes = (f"{prefix}-{each:06d}" for each in count(number))
        return next(code for code in codes if code not in self._rows)


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


def encode(value: object) -> bytes:
    """Write JSON; a Decimal keeps every figure it has."""
    # Copied, since what orjson gives holds on to several times its length.
    return bytes(memoryview(orjson.dumps(value, default=_exact)))


def decode(raw: bytes) -> Any:
    """Read JSON; numbers with a point become Decimal, so that writing them loses nothing."""
    return json.loads(raw, parse_float=Decimal)


def id_of(record: Mapping[str, Any]) -> Any:
    """Give the record's id, however the key is spelt; None when it has none."""
    return value_of(record, "id")


class RecordList:
    """One list of the books: rows in their order, each kept as the JSON it is answered with.

    Records are given to it in snake_case with integer ids, and are written in the server's ways.
    A record is named by its id as it is given or as it is written.
    """

    def __init__(
        self, rows: Iterable[bytes] = (), options: Options | None = None, path: str = ""
    ) -> None:
        """Take rows already encoded, whose ids are 1, 2, 3 and so on, and the list's path."""
        options = options or Options()
        self._order = ORDERS[options.order]
        self._chance = chance(options.seed, f"order of {path}")
        self._dress = dress_of(options, path)
        self._prefix = path[:3].upper() if options.codes == "own" else None
        self._hidden = tuple(options.hidden)
        self._shown: list[bytes] | None = None
        self._codes: Codes | None = None
        self._lock = Lock()
        self._rows = list(rows)
        self._last_id = len(self._rows)
        self._ids: list[Any] = list(range(1, len(self._rows) + 1))
        self._lay()

    def __len__(self) -> int:
        return len(self._rows)

    def page(self, start: int, stop: int) -> tuple[list[bytes], int]:
        """Give the rows from start to before stop, and the number of all rows at that instant.

        Rows that are hidden are not given and not counted.
        """
        with self._lock:
            rows = self._listed() if self._hidden else self._rows
            return rows[start:stop], len(rows)

    def records(self) -> list[dict[str, Any]]:
        """Give every row, hidden or not, as a client that reads numbers as floats would see it."""
        with self._lock:
            rows = list(self._rows)
        return [orjson.loads(row) for row in rows]

    def ids(self) -> list[Any]:
        """Give every row's id, hidden or not, in the list's order."""
        with self._lock:
            return list(self._ids)

    def insert(
        self, record: Mapping[str, Any], at: int | None = None, *, number: bool = True
    ) -> Any:
        """Put a record of any shape at a position (None: where the order has it); give its id.

        Without an id it gets the next one; with number=False it stays without.
        """
        with self._lock:
            if number and id_of(record) is None:
                record = {"id": self._last_id + 1, **record}
            at = self._place(record) if at is None else at
            written = self._written(record)
            return self._put(id_of(record), id_of(written), encode(written), at)

    def create(self, body: bytes) -> bytes:
        """Add a JSON object as it was written, with the next id in front; give the row.

        Where the server numbers what it makes, the code is a new one of its own.
        """
        inner = body.strip()[1:-1].strip()
        with self._lock:
            number = self._last_id + 1
            row = b'{"id":%d%s%s}' % (number, b"," if inner else b"", inner)
            if self._prefix:
                row = self._coded(row, self._prefix, number)
            at, record_id = self._place(orjson.loads(row)), number
            if self._dress:
                written = self._dress(decode(row))
                row, record_id = encode(written), id_of(written)
            self._put(number, record_id, row, at)
        return row

    def with_code(self, code: object) -> bytes | None:
        """Give the first row with a code; None when there is none, or no code to seek."""
        with self._lock:
            return min(self._known_codes().rows(code), key=self._rows.index, default=None)

    def replace(self, record_id: object, **changes: Any) -> None:
        """Change fields of a record where it stands. Raises KeyError when there is none."""
        with self._lock:
            at = self._position(record_id)
            changed = self._written({"id": record_id, **changes})
            if "id" not in changes:
                del changed[key_of(changed, "id") or ""]
            self._rows[at] = encode({**decode(self._rows[at]), **changed})
            self._shown = self._codes = None

    def overwrite(self, record_id: object, record: Mapping[str, Any]) -> None:
        """Put another record in a record's place. Raises KeyError when there is none."""
        with self._lock:
            at = self._position(record_id)
            written = self._written(record)
            self._ids[at], self._rows[at] = id_of(written), encode(written)
            self._shown = self._codes = None

    def delete(self, record_id: object) -> None:
        """Take a record out; those after it move up. Raises KeyError when there is none."""
        with self._lock:
            at = self._position(record_id)
            del self._ids[at], self._rows[at]
            self._shown = self._codes = None

    def _lay(self) -> None:
        turn = list(self._order.lay(self._rows, self._chance))
        self._rows = [self._rows[at] for at in turn]
        self._ids = [self._ids[at] for at in turn]
        if self._dress:
            records = [self._dress(orjson.loads(row)) for row in self._rows]
            self._rows = [encode(record) for record in records]
            self._ids = [id_of(record) for record in records]

    def _listed(self) -> list[bytes]:
        if self._shown is None:
            statuses = (value_of(orjson.loads(row), "status") for row in self._rows)
            self._shown = [
                row
                for row, status in zip(self._rows, statuses, strict=True)
                if status not in self._hidden
            ]
        return self._shown

    def _known_codes(self) -> Codes:
        self._codes = self._codes or Codes(self._rows)
        return self._codes

    def _coded(self, row: bytes, prefix: str, number: int) -> bytes:
        record, code = decode(row), self._known_codes().free(prefix, number)
        return encode({**record, key_of(record, "code") or "code": code})

    def _written(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return self._dress(record) if self._dress else dict(record)

    def _place(self, record: Mapping[str, Any]) -> int:
        return self._order.place(self._rows, record, self._chance)

    def _put(self, number: Any, record_id: Any, row: bytes, at: int) -> Any:
        self._rows.insert(at, row)
        self._ids.insert(at, record_id)
        self._shown = None
        if self._codes:
            self._codes.add(row)
        if isinstance(number, int):
            self._last_id = max(self._last_id, number)
        return record_id

    def _position(self, record_id: object) -> int:
        try:
            return self._ids.index(id_of(self._written({"id": record_id})))
        except ValueError:
            raise KeyError(f"There is no record with id {record_id!r} in this list.") from None


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value).encode())
    raise TypeError(f"{type(value).__name__} can't be written as JSON.")
