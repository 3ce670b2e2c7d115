"""Which rows have a code?"""

from collections.abc import Iterable
from itertools import count

import orjson

from p4books_sandbox.spelling import value_of


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
