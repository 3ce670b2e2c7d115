"""What do the rows of one record say together?"""

import pytest

from p4books.push.documents import Document, FieldValue, FieldValues
from p4books.push.types import Fault, SourceRow
from p4books.push.values import Value


def document(
    number: int, *items: FieldValues, code: Value | None = "F-1", **header: Value | None
) -> Document:
    values: dict[str, Value | None] = {"code": code, **header}
    cells = {name: FieldValue(number, name.upper(), v) for name, v in values.items() if v != ""}
    lines = {"lines": list(items)} if items else {}
    return Document(
        [SourceRow(number, {name.upper(): v for name, v in values.items()})], cells, lines
    )


def item(number: int) -> FieldValues:
    return {"quantity": FieldValue(number, "quantity", number)}


def test_goes_on() -> None:
    """Items under the same code are more of the same record, also where it had none so far."""
    assert document(2).continues_in(document(3, item(3)))
    assert document(2, item(2)).continues_in(document(3, item(3)))


@pytest.mark.parametrize(
    "other",
    [document(3), document(3, item(3), code="F-2")],
    ids=["no items", "another code"],
)
def test_does_not_go_on(other: Document) -> None:
    """A row without items, or under another code, begins a record."""
    assert not document(2, item(2)).continues_in(other)


def test_no_code() -> None:
    """Nobody knows whose items a row without a code has: those around it are bad with it."""
    whole = document(2, item(2))

    for number, code in ((3, None), (4, "F-2"), (5, "F-2")):
        row = document(number, item(number), code=code)
        assert whole.continues_in(row)
        whole.append(row)

    assert not whole.continues_in(document(6, item(6), code="F-3"))
    assert (3, "CODE") in [(fault.row, fault.column) for fault in whole.faults]


def test_nested() -> None:
    """A record whose list stands in one value has all of it there."""
    whole = document(2, item(2))
    whole.is_nested = True

    assert not whole.continues_in(document(3, item(3)))
    assert not document(1, item(1)).continues_in(whole)


def test_take() -> None:
    """Rows that are more of a record add their items, and are blocked as it is."""
    one, more = document(2, item(2), currency="USD"), document(3, item(3))
    more.is_blocked = True
    more.file_faults.append(Fault(0, "x", "", "", ""))

    one.append(more)

    assert one.items == {"lines": [item(2), item(3)]}
    assert (one.row, one.code, one.faults) == (2, "F-1", [])
    assert one.is_blocked
    assert one.file_faults == [Fault(0, "x", "", "", "")]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("USD", "EUR", "The record F-1 begins in row 2, and currency is USD there."),
        ("", "EUR", "The record F-1 begins in row 2, and currency is empty there."),
        ("USD", "USD", None),
        ("USD", "", None),
        ("USD", None, None),
        (None, "USD", None),
    ],
)
def test_header(before: Value | None, after: Value | None, what: str | None) -> None:
    """A later row says the same of the record or nothing; what can't be sent is told already."""
    one = document(2, item(2), currency=before)

    one.append(document(3, item(3), currency=after))

    told = [(fault.row, fault.column, fault.value, fault.what) for fault in one.faults]
    assert told == ([(3, "CURRENCY", "EUR", what)] if what else [])


def test_sorted_faults() -> None:
    """Faults come as the rows and columns do; those of no column of the file come last."""
    one = document(2, item(2), total=1, lines=2)
    one.append(document(3, item(3)))
    places = [(3, "CODE"), (2, "name"), (2, "LINES[1].price"), (2, "TOTAL"), (2, "CODE")]
    one.faults = [Fault(row, column, "", "", "") for row, column in places]

    found = [(fault.row, fault.column) for fault in one.sorted_faults()]

    assert found == [(2, "CODE"), (2, "TOTAL"), (2, "LINES[1].price"), (2, "name"), (3, "CODE")]
