"""Of which kind is a field that nobody declared?"""

from collections.abc import Callable
from pathlib import Path

import pytest

from p4books.database import connect
from p4books.endpoint import Kind
from p4books.endpoints.vendors import VENDORS
from p4books.load import kinds

Hold = Callable[..., None]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-0.000001"], Kind.MEASURE),
        (["1", '"2"'], Kind.TEXT),
        (["7501234567890"], Kind.TEXT),
        (["0.12345678"], Kind.TEXT),
        (["true", "false"], Kind.TEXT),
        (['"2026-03-31"', '"2026-02-28"'], Kind.DAY),
        (['"2026-03-31"', '"2026-02-30"'], Kind.TEXT),
        (['"2026-03-31T10:00:00Z"', '"2026-03-31 10:00:00-05:00"'], Kind.INSTANT),
        (['"2026-03-31T10:00:00Z"', '"2026-03-31"'], Kind.TEXT),
        (['"red"'], Kind.TEXT),
        (['{"a":1}', "[1]"], Kind.TEXT),
        ([], Kind.TEXT),
    ],
)
def test_kind(warehouse: Path, hold: Hold, values: list[str], kind: Kind) -> None:
    """A kind is taken only where every value fits it whole; else the field is text."""
    records = [f'{{"colour":{value},"id":{number}}}' for number, value in enumerate(values)]
    hold(VENDORS, *records, '{"id":99,"other":"x"}')

    with connect(warehouse, read_only=True) as con:
        assert kinds.infer(con, VENDORS, "colour") is kind


def test_an_id(warehouse: Path, hold: Hold) -> None:
    """An id is text, be it a number today."""
    hold(VENDORS, '{"branch_id":7,"id":1}')

    with connect(warehouse, read_only=True) as con:
        assert kinds.infer(con, VENDORS, "branch_id") is Kind.TEXT
