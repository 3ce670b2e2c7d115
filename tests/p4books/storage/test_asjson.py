"""How is a value told as JSON?"""

import json
from decimal import Decimal

import pytest

from p4books.storage.exact_json import encode_document, encode_rows


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_told_as_the_whole_would_be(count: int) -> None:
    """Told piece by piece, rows are the same document as told at once."""
    rows = [(number, "a\nb", {"deep": [Decimal("1.10"), None]}) for number in range(count)]
    names = ["number", "text", "more"]

    told = b"".join(encode_rows(names, rows))

    assert told == encode_document([dict(zip(names, row, strict=True)) for row in rows])


def test_no_column_is_lost() -> None:
    """Two columns of one name are both told."""
    told = b"".join(encode_rows(["a", "a", "A", "a_1"], [(1, 2, 3, 4)]))

    assert json.loads(told) == [{"a": 1, "a_1": 2, "A_2": 3, "a_1_1": 4}]
