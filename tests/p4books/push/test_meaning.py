"""What does a row say?"""

from decimal import Decimal
from typing import Any

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.errors import UsageError
from p4books.push.documents import Document, FieldValue, RecordReader
from p4books.push.lookups import Lookups, RecordIndex
from p4books.push.types import SourceRow

BOOKS = Lookups(
    own=RecordIndex(),
    lists={
        "customers": RecordIndex({"C-1": "1"}, {"1"}),
        "products": RecordIndex({"P-1": "10"}, {"10"}),
    },
)


def reader(endpoint: Endpoint = INVOICES, **renamed: str) -> RecordReader:
    return RecordReader(endpoint, BOOKS, renamed)


def read(**values: Any) -> Document:
    return reader().read(SourceRow(2, values))


def test_flat() -> None:
    """A row says values of the record and of one item; what is empty is left out."""
    values = {
        "Code": " F-1 ",
        "Customer": "C-1",
        "Qty": 2,
        "product": "P-1",
        "total": "",
        "price": None,
    }
    document = reader(Qty="quantity").read(SourceRow(2, values))

    assert document.header == {
        "code": FieldValue(2, "Code", "F-1"),
        "customer_id": FieldValue(2, "Customer", 1),
    }
    items = {"quantity": FieldValue(2, "Qty", 2), "product_id": FieldValue(2, "product", 10)}
    assert document.items == {"lines": [items]}
    assert document.names[None, "total"] == "total"
    assert (document.faults, document.told) == ([], [])
    assert (document.is_blocked, document.is_nested) == (False, False)


@pytest.mark.parametrize(
    "lines",
    [
        [{"Quantity": "1.50", "ProductCode": "P-1", "price": None}, {"quantity": 2}],
        '[{"Quantity": 1.50, "ProductCode": "P-1", "price": null}, {"quantity": 2}]',
    ],
    ids=["list", "text"],
)
def test_nested(lines: object) -> None:
    """A list stands in one value, as it is or as JSON text; its numbers are exact."""
    document = read(Lines=lines)

    first = {
        "quantity": FieldValue(2, "Lines[1].Quantity", Decimal("1.5")),
        "product_id": FieldValue(2, "Lines[1].ProductCode", 10),
    }
    assert document.items == {"lines": [first, {"quantity": FieldValue(2, "Lines[2].quantity", 2)}]}
    assert document.is_nested
    assert not document.faults


@pytest.mark.parametrize("lines", [None, "", " ", [], "[]"])
def test_empty_list(lines: object) -> None:
    """An empty list is none."""
    document = read(lines=lines)

    assert (document.items, document.is_nested, document.faults) == ({}, False, [])


@pytest.mark.parametrize(
    "lines",
    [
        "one, two",
        '[{"price": NaN}]',
        '[{"price": 1, "price": 2}]',
        "[" * 100_000,
        '{"price": 1}',
        "[1]",
        [1],
        5,
        {},
    ],
    ids=str,
)
def test_no_list(lines: object) -> None:
    """What is no list of objects, or says one thing twice, is a fault, and not read."""
    document = read(lines=lines)

    assert [(fault.row, fault.column) for fault in document.faults] == [(2, "lines")]
    assert document.items == {"lines": []}


def test_faults() -> None:
    """Each value that can't be sent is told under the file's own names, in the columns' order."""
    document = read(Lines=[{"Price": "$5"}], Customer="C-9", total="x" * 99)

    told = [(fault.row, fault.column, fault.value) for fault in document.faults]
    assert told == [
        (2, "Lines[1].Price", "$5"),
        (2, "Customer", "C-9"),
        (2, "total", "x" * 79 + "…"),
    ]
    assert document.header["total"] == FieldValue(2, "total", None)
    assert all(fault.what and fault.remedy for fault in document.faults)


def test_unknown_columns() -> None:
    """A column that nobody knows is told once, and blocks each record that has a value in it."""
    one = reader()
    documents = [
        one.read(SourceRow(n, {"foo": value, "id": 1})) for n, value in [(2, "a"), (3, "b")]
    ]
    other = one.read(SourceRow(4, {"foo": " ", "id": None}))

    assert [(fault.row, fault.column) for fault in documents[0].told] == [(0, "foo"), (0, "id")]
    assert [documents[1].told, documents[1].faults, other.told] == [[], [], []]
    assert [each.is_blocked for each in [*documents, other]] == [True, True, False]


def test_no_name() -> None:
    """A column without a name is none until it holds a value; then it is told."""
    one = reader()
    documents = [
        one.read(SourceRow(n, {"code": "a", " ": value})) for n, value in [(2, ""), (3, "x")]
    ]

    assert [[fault.what for fault in each.told] for each in documents] == [
        [],
        ["A column without a name holds values."],
    ]
    assert [each.is_blocked for each in documents] == [False, True]


def test_unknown_in_a_list() -> None:
    """A field of an item that nobody knows is told where it first stands."""
    one = reader()
    documents = [one.read(SourceRow(n, {"lines": [{}, {"foo": 1}]})) for n in (2, 3)]

    assert [(fault.row, fault.column) for fault in documents[0].told] == [(2, "lines[2].foo")]
    assert not documents[1].told
    assert documents[1].is_blocked


def test_doubled() -> None:
    """Two columns of one row, or two fields of one item, that are one field are told once."""
    one = reader()
    values = {"customer": "C-1", "Customer Code": "C-1", "lines": [{"price": 1, "Price": 1}]}
    documents = [one.read(SourceRow(n, values)) for n in (2, 3)]

    told = [(fault.row, fault.column) for fault in documents[0].told]
    assert told == [(0, "Customer Code"), (2, "lines[1].Price")]
    assert not documents[1].told
    assert documents[1].is_blocked


def test_spellings_in_two_rows() -> None:
    """Two rows may spell a field each in its own way."""
    one = reader()
    documents = [one.read(SourceRow(2, {"Code": "a"})), one.read(SourceRow(3, {"CODE": "b"}))]

    assert [(each.code, each.told) for each in documents] == [("a", []), ("b", [])]


def test_two_ways() -> None:
    """Items stand in one value or in columns, not both."""
    document = read(lines=[{"price": 1}], price=2)

    (fault,) = document.faults
    assert (fault.column, fault.value) == ("price", "2")
    assert "one way only" in fault.remedy


def test_addresses() -> None:
    """The one list of a customer may stand in columns as lines do."""
    document = reader(CUSTOMERS).read(SourceRow(2, {"code": "C-1", "address_line1": "Vía España"}))

    assert document.items == {
        "addresses": [{"line1": FieldValue(2, "address_line1", "Vía España")}]
    }


def test_senseless() -> None:
    """A column can't be renamed to what is no field."""
    with pytest.raises(UsageError, match="Did you mean 'total'"):
        reader(Suma="totl")
