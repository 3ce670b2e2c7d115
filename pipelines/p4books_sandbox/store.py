"""Lists of records in memory: their order, their pages, and changes to them."""

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from threading import Lock
from typing import Any, Self

import orjson

from p4books_sandbox.options import Draw, Options, seeded_random
from p4books_sandbox.render import Fields, find_key, get_value, make_renderer

Rows = list[bytes]

_AFTER_ALL_DATES = "~"  # sorts after every date


def encode_json(value: object) -> bytes:
    """Write JSON; a Decimal keeps all its digits. Raises TypeError for what JSON can't hold."""
    # Copied, since what orjson returns keeps several times its length allocated.
    return bytes(memoryview(orjson.dumps(value, default=_encode_decimal)))


def decode_json(raw: bytes) -> Any:
    """Parse JSON; numbers with a decimal point become Decimal, so that no digit is lost."""
    return json.loads(raw, parse_float=Decimal)


def get_id(record: Fields) -> Any:
    """Return the record's id in any spelling; None if it has none."""
    return get_value(record, "id")


class RecordList:
    """One list of the books: rows in their order, each kept as the JSON that is returned.

    Records are passed in snake_case with integer ids and are kept as the options render them.
    A record is addressed by its id as it was passed or as it is rendered.
    """

    def __init__(
        self, rows: Iterable[bytes] = (), options: Options | None = None, path: str = ""
    ) -> None:
        """Take encoded rows, whose ids are 1, 2, 3 and so on, and the path of the list."""
        options = options or Options()
        self._order = ORDERS[options.order]
        self._draw = seeded_random(options.seed, f"order of {path}")
        self._render = make_renderer(options, path)
        self._prefix = path[:3].upper() if options.codes == "own" else None
        self._hidden = tuple(options.hidden)
        self._visible: Rows | None = None
        self._codes: CodeIndex | None = None
        self._lock = Lock()
        self._rows = list(rows)
        self._last_id = len(self._rows)
        self._ids: list[Any] = list(range(1, len(self._rows) + 1))
        self._arrange_rows()

    def __len__(self) -> int:
        return len(self._rows)

    def copy(self) -> Self:
        """Return a list with the same rows, which may then become others."""
        with self._lock:
            twin = copy(self)
            twin._lock = Lock()
            twin._rows, twin._ids = list(self._rows), list(self._ids)
            twin._visible = twin._codes = None
        return twin

    def page(self, start: int, stop: int) -> tuple[Rows, int]:
        """Return the rows from start up to stop, and the number of all rows at that instant.

        Hidden rows are neither returned nor counted.
        """
        with self._lock:
            rows = self._visible_rows() if self._hidden else self._rows
            return rows[start:stop], len(rows)

    def records(self) -> list[dict[str, Any]]:
        """Return every row, hidden or not, parsed with numbers as floats."""
        with self._lock:
            rows = list(self._rows)
        return [orjson.loads(row) for row in rows]

    def ids(self) -> list[Any]:
        """Return the id of every row, hidden or not, in the list's order."""
        with self._lock:
            return list(self._ids)

    def insert(
        self, record: Mapping[str, Any], at: int | None = None, *, number: bool = True
    ) -> Any:
        """Insert a record of any shape at a position (None: by the list's order); return its id.

        A record without an id gets the next one; with number=False it stays without.
        """
        with self._lock:
            if number and get_id(record) is None:
                record = {"id": self._last_id + 1, **record}
            at = self._choose_position(record) if at is None else at
            rendered = self._render_fields(record)
            return self._insert_row(get_id(record), get_id(rendered), encode_json(rendered), at)

    def create(self, body: bytes) -> bytes:
        """Add a JSON object, byte by byte, with the next id in front; return the row.

        If the server assigns codes, the record gets a new one instead of its own.
        """
        inner = body.strip()[1:-1].strip()
        with self._lock:
            number = self._last_id + 1
            row = b'{"id":%d%s%s}' % (number, b"," if inner else b"", inner)
            if self._prefix:
                row = self._assign_code(row, self._prefix, number)
            at, record_id = self._choose_position(orjson.loads(row)), number
            if self._render:
                rendered = self._render(decode_json(row))
                row, record_id = encode_json(rendered), get_id(rendered)
            self._insert_row(number, record_id, row, at)
        return row

    def with_code(self, code: object) -> bytes | None:
        """Return the first row with a code; None if no row has it, or it is not text."""
        with self._lock:
            rows = self._code_index().rows_with(code)
            return min(rows, key=self._rows.index, default=None)

    def replace(self, record_id: object, **changes: Any) -> None:
        """Change fields of a record in place. Raises KeyError if there is no such record."""
        with self._lock:
            at = self._find_position(record_id)
            changed = self._render_fields({"id": record_id, **changes})
            if "id" not in changes:
                del changed[find_key(changed, "id") or ""]
            self._rows[at] = encode_json({**decode_json(self._rows[at]), **changed})
            self._visible = self._codes = None

    def overwrite(self, record_id: object, record: Mapping[str, Any]) -> None:
        """Put another record in a record's place. Raises KeyError if there is no such record."""
        with self._lock:
            at = self._find_position(record_id)
            rendered = self._render_fields(record)
            self._ids[at], self._rows[at] = get_id(rendered), encode_json(rendered)
            self._visible = self._codes = None

    def delete(self, record_id: object) -> None:
        """Delete a record; those after it move up. Raises KeyError if there is no such record."""
        with self._lock:
            at = self._find_position(record_id)
            del self._ids[at], self._rows[at]
            self._visible = self._codes = None

    def _arrange_rows(self) -> None:
        positions = list(self._order.arrange(self._rows, self._draw))
        self._rows = [self._rows[at] for at in positions]
        self._ids = [self._ids[at] for at in positions]
        if self._render:
            records = [self._render(orjson.loads(row)) for row in self._rows]
            self._rows = [encode_json(record) for record in records]
            self._ids = [get_id(record) for record in records]

    def _visible_rows(self) -> Rows:
        if self._visible is None:
            statuses = (get_value(orjson.loads(row), "status") for row in self._rows)
            self._visible = [
                row
                for row, status in zip(self._rows, statuses, strict=True)
                if status not in self._hidden
            ]
        return self._visible

    def _code_index(self) -> "CodeIndex":
        self._codes = self._codes or CodeIndex(self._rows)
        return self._codes

    def _assign_code(self, row: bytes, prefix: str, number: int) -> bytes:
        record, code = decode_json(row), self._code_index().find_free_code(prefix, number)
        return encode_json({**record, find_key(record, "code") or "code": code})

    def _render_fields(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return self._render(record) if self._render else dict(record)

    def _choose_position(self, record: Mapping[str, Any]) -> int:
        return self._order.choose_position(self._rows, record, self._draw)

    def _insert_row(self, number: Any, record_id: Any, row: bytes, at: int) -> Any:
        self._rows.insert(at, row)
        self._ids.insert(at, record_id)
        self._visible = None
        if self._codes:
            self._codes.add_row(row)
        if isinstance(number, int):
            self._last_id = max(self._last_id, number)
        return record_id

    def _find_position(self, record_id: object) -> int:
        try:
            return self._ids.index(get_id(self._render_fields({"id": record_id})))
        except ValueError:
            raise KeyError(f"There is no record with id {record_id!r} in this list.") from None


class CodeIndex:
    """Index of a list's rows by their code."""

    def __init__(self, rows: Iterable[bytes]) -> None:
        """Take rows in any spelling."""
        self._rows: dict[str, Rows] = {}
        for row in rows:
            self.add_row(row)

    def add_row(self, row: bytes) -> None:
        """Add one row; a code that is not text is ignored."""
        code = get_value(orjson.loads(row), "code")
        if isinstance(code, str):
            self._rows.setdefault(code, []).append(row)

    def rows_with(self, code: object) -> Rows:
        """Return the rows with a code, in the order they were added."""
        return self._rows.get(code, []) if isinstance(code, str) else []

    def find_free_code(self, prefix: str, number: int) -> str:
        """Return the first code from a number on that no row has, like INV-000123."""
        codes = (f"{prefix}-{candidate:06d}" for candidate in count(number))
        return next(code for code in codes if code not in self._rows)


@dataclass(frozen=True)
class RowOrder:
    """An order of rows: how those made one after the other are arranged, and where new ones go."""

    arrange: Callable[[Rows, Draw], Iterable[int]]
    choose_position: Callable[[Rows, Fields, Draw], int]


def _date_of_record(record: Fields) -> str:
    date = get_value(record, "date_created")
    return date if isinstance(date, str) else _AFTER_ALL_DATES


def _date_of_row(row: bytes) -> str:
    return _date_of_record(orjson.loads(row))


def _sort_by_date(rows: Rows, _: Draw) -> Iterable[int]:
    return sorted(range(len(rows)), key=lambda at: _date_of_row(rows[at]))


def _position_by_date(rows: Rows, record: Fields, _: Draw) -> int:
    return bisect_right(rows, _date_of_record(record), key=_date_of_row)


def _sort_newest_first(rows: Rows, draw: Draw) -> Iterable[int]:
    return reversed(list(_sort_by_date(rows, draw)))


def _position_newest_first(rows: Rows, record: Fields, draw: Draw) -> int:
    return len(rows) - _position_by_date(rows[::-1], record, draw)


def _shuffle(rows: Rows, draw: Draw) -> Iterable[int]:
    return sorted(range(len(rows)), key=lambda _: draw())


def _position_anywhere(rows: Rows, _: Fields, draw: Draw) -> int:
    return int(draw() * (len(rows) + 1))


ORDERS = {
    "ascending": RowOrder(lambda rows, _: range(len(rows)), lambda rows, _, __: len(rows)),
    "descending": RowOrder(lambda rows, _: reversed(range(len(rows))), lambda _, __, ___: 0),
    "date": RowOrder(_sort_by_date, _position_by_date),  # by date_created; last without one
    "newest_date": RowOrder(_sort_newest_first, _position_newest_first),
    "none": RowOrder(_shuffle, _position_anywhere),
}


def _encode_decimal(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value).encode())
    raise TypeError(f"{type(value).__name__} can't be written as JSON.")
