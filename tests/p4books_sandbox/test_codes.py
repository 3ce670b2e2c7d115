"""Which rows have a code?"""

import pytest

from p4books_sandbox.store import Codes

ROWS = [b'{"id":1,"code":"A"}', b'{"Id":2,"Code":"B"}', b'{"id":3,"code":"A"}', b'{"id":4}']


@pytest.mark.parametrize(
    ("code", "found"),
    [("A", [ROWS[0], ROWS[2]]), ("B", [ROWS[1]]), ("C", []), ("", []), (None, []), ([], [])],
)
def test_rows_of_a_code(code: object, found: list[bytes]) -> None:
    """All rows with the code are given, however it is spelt; without one there are none."""
    assert Codes(ROWS).rows(code) == found


def test_a_row_more() -> None:
    """A row that came later is found too; a code that is no text is not."""
    codes = Codes(ROWS)

    codes.add(b'{"id":5,"code":"C"}')
    codes.add(b'{"id":6,"code":["C"]}')

    assert codes.rows("C") == [b'{"id":5,"code":"C"}']


def test_a_free_code() -> None:
    """A free code has the number asked for, or the first after it that no row has."""
    codes = Codes([b'{"code":"INV-000007"}', b'{"code":"INV-000008"}'])

    assert [codes.free("INV", number) for number in (6, 7, 8)] == [
        *("INV-000006", "INV-000009", "INV-000009")
    ]
