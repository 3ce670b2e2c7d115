"""Of which kind is a field that nobody declared?"""

from collections.abc import Callable
from pathlib import Path

import pytest

from p4books.endpoints.definition import FieldType
from p4books.endpoints.vendors import VENDORS
from p4books.load.evolution import infer_type
from p4books.storage.database import open_database

Hold = Callable[..., None]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-0.000001"], FieldType.MEASURE),
        (["1", '"2"'], FieldType.TEXT),
        (["7501234567890"], FieldType.TEXT),
        (["0.12345678"], FieldType.TEXT),
        (["true", "false"], FieldType.TEXT),
        (['"2026-03-31"', '"2026-02-28"'], FieldType.DAY),
        (['"2026-03-31"', '"2026-02-30"'], FieldType.TEXT),
        (['"2026-03-31T10:00:00Z"', '"2026-03-31 10:00:00-05:00"'], FieldType.INSTANT),
        (['"2026-03-31T10:00:00Z"', '"2026-03-31"'], FieldType.TEXT),
        (['"red"'], FieldType.TEXT),
        (['{"a":1}', "[1]"], FieldType.TEXT),
        ([], FieldType.TEXT),
    ],
)
def test_kind(warehouse: Path, hold: Hold, values: list[str], kind: FieldType) -> None:
    """A kind is taken only where every value fits it whole; else the field is text."""
    records = [f'{{"colour":{value},"id":{number}}}' for number, value in enumerate(values)]
    hold(VENDORS, *records, '{"id":99,"other":"x"}')

    with open_database(warehouse, read_only=True) as con:
        assert infer_type(con, VENDORS, "colour") is kind


def test_an_id(warehouse: Path, hold: Hold) -> None:
    """An id is text, be it a number today."""
    hold(VENDORS, '{"branch_id":7,"id":1}')

    with open_database(warehouse, read_only=True) as con:
        assert infer_type(con, VENDORS, "branch_id") is FieldType.TEXT
