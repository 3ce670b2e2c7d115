"""What stands in a list?"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from threading import Lock
from typing import Any

import orjson


def encode(value: object) -> bytes:
    """Write JSON; a Decimal keeps every figure it has."""
    # Copied, since what orjson gives holds on to several times its length.
    return bytes(memoryview(orjson.dumps(value, default=_exact)))


def decode(raw: bytes) -> Any:
    """Read JSON; numbers with a point become Decimal, so that writing them loses nothing."""
    return json.loads(raw, parse_float=Decimal)


def id_of(record: Mapping[str, Any]) -> Any:
    """Give the record's id, however the key is spelt; None when it has none."""
    return next((record[key] for key in record if key.lower() == "id"), None)


class RecordList:
    """One list of the books: rows in their order, each kept as the JSON it is answered with."""

    def __init__(self, rows: Iterable[bytes] = ()) -> None:
        """Take rows already encoded, whose ids are 1, 2, 3 and so on."""
        self._rows = list(rows)
        self._ids: list[Any] = list(range(1, len(self._rows) + 1))
        self._last_id = len(self._rows)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._rows)

    def page(self, start: int, stop: int) -> tuple[list[bytes], int]:
        """Give the rows from start to before stop, and the number of all rows at that instant."""
        with self._lock:
            return self._rows[start:stop], len(self._rows)

    def records(self) -> list[dict[str, Any]]:
        """Give every row as a client that reads JSON numbers as floats would see it."""
        with self._lock:
            rows = list(self._rows)
        return [orjson.loads(row) for row in rows]

    def ids(self) -> list[Any]:
        """Give every row's id, in the list's order."""
        with self._lock:
            return list(self._ids)

    def insert(
        self, record: Mapping[str, Any], at: int | None = None, *, number: bool = True
    ) -> Any:
        """Put a record of any shape at a position (None: the end) and give its id.

        Without an id it gets the next one; with number=False it stays without.
        """
        with self._lock:
            if number and id_of(record) is None:
                record = {"id": self._last_id + 1, **record}
            return self._put(id_of(record), encode(record), at)

    def create(self, body: bytes) -> bytes:
        """Append a JSON object as it was written, but for the next id in front; give the row."""
        inner = body.strip()[1:-1].strip()
        with self._lock:
            row = b'{"id":%d%s%s}' % (self._last_id + 1, b"," if inner else b"", inner)
            self._put(self._last_id + 1, row, None)
        return row

    def replace(self, record_id: object, **changes: Any) -> None:
        """Change fields of a record where it stands. Raises KeyError when there is none."""
        with self._lock:
            at = self._position(record_id)
            self._rows[at] = encode({**decode(self._rows[at]), **changes})

    def overwrite(self, record_id: object, record: Mapping[str, Any]) -> None:
        """Put another record in a record's place. Raises KeyError when there is none."""
        with self._lock:
            at = self._position(record_id)
            self._ids[at], self._rows[at] = id_of(record), encode(record)

    def delete(self, record_id: object) -> None:
        """Take a record out; those after it move up. Raises KeyError when there is none."""
        with self._lock:
            at = self._position(record_id)
            del self._ids[at], self._rows[at]

    def _put(self, record_id: Any, row: bytes, at: int | None) -> Any:
        at = len(self._rows) if at is None else at
        self._rows.insert(at, row)
        self._ids.insert(at, record_id)
        if isinstance(record_id, int):
            self._last_id = max(self._last_id, record_id)
        return record_id

    def _position(self, record_id: object) -> int:
        try:
            return self._ids.index(record_id)
        except ValueError:
            raise KeyError(f"There is no record with id {record_id!r} in this list.") from None


def _exact(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value).encode())
    raise TypeError(f"{type(value).__name__} can't be written as JSON.")
