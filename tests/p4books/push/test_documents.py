"""Documents: records with their items, assembled from the rows of a file."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.errors import UsageError
from p4books.push.documents import (
    Document,
    FieldValue,
    FieldValues,
    RowReader,
    read_documents,
)
from p4books.push.lookups import Lookups, RecordIndex
from p4books.push.types import FileFormat, RowFault, SourceRow, TableLayout
from p4books.push.values import Value

# Rows of one document


def _document(
    number: int, *items: FieldValues, code: Value | None = "F-1", **header: Value | None
) -> Document:
    values: dict[str, Value | None] = {"code": code, **header}
    cells = {name: FieldValue(number, name.upper(), v) for name, v in values.items() if v != ""}
    lines = {"lines": list(items)} if items else {}
    return Document(
        [SourceRow(number, {name.upper(): v for name, v in values.items()})], cells, lines
    )


def _item(number: int) -> FieldValues:
    return {"quantity": FieldValue(number, "quantity", number)}


def test_continues() -> None:
    """Items under the same code belong to the same record, even if it had none so far."""
    assert _document(2).continues_in(_document(3, _item(3)))
    assert _document(2, _item(2)).continues_in(_document(3, _item(3)))


@pytest.mark.parametrize(
    "other",
    [_document(3), _document(3, _item(3), code="F-2")],
    ids=["no items", "another code"],
)
def test_does_not_continue(other: Document) -> None:
    """A row without items, or with another code, begins a record."""
    assert not _document(2, _item(2)).continues_in(other)


def test_missing_code() -> None:
    """Items of a row without a code could belong to either record: both are bad."""
    whole = _document(2, _item(2))

    for number, code in ((3, None), (4, "F-2"), (5, "F-2")):
        row = _document(number, _item(number), code=code)
        assert whole.continues_in(row)
        whole.append(row)

    assert not whole.continues_in(_document(6, _item(6), code="F-3"))
    assert (3, "CODE") in [(fault.row, fault.column) for fault in whole.faults]


def test_nested_does_not_continue() -> None:
    """A record whose list is in one value has all of its items there."""
    whole = _document(2, _item(2))
    whole.is_nested = True

    assert not whole.continues_in(_document(3, _item(3)))
    assert not _document(1, _item(1)).continues_in(whole)


def test_append() -> None:
    """Further rows of a record add their items, their faults and whether it is blocked."""
    one, more = _document(2, _item(2), currency="USD"), _document(3, _item(3))
    more.is_blocked = True
    more.file_faults.append(RowFault(0, "x", "", "", ""))

    one.append(more)

    assert one.items == {"lines": [_item(2), _item(3)]}
    assert (one.row, one.code, one.faults) == (2, "F-1", [])
    assert one.is_blocked
    assert one.file_faults == [RowFault(0, "x", "", "", "")]


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
def test_repeated_header(before: Value | None, after: Value | None, what: str | None) -> None:
    """A later row has the same value or none; what cannot be sent is reported already."""
    one = _document(2, _item(2), currency=before)

    one.append(_document(3, _item(3), currency=after))

    faults = [(fault.row, fault.column, fault.value, fault.what) for fault in one.faults]
    assert faults == ([(3, "CURRENCY", "EUR", what)] if what else [])


def test_sorted_faults() -> None:
    """Faults are in the order of rows and columns; those without a column of the file are last."""
    one = _document(2, _item(2), total=1, lines=2)
    one.append(_document(3, _item(3)))
    places = [(3, "CODE"), (2, "name"), (2, "LINES[1].price"), (2, "TOTAL"), (2, "CODE")]
    one.faults = [RowFault(row, column, "", "", "") for row, column in places]

    found = [(fault.row, fault.column) for fault in one.sorted_faults()]

    assert found == [(2, "CODE"), (2, "TOTAL"), (2, "LINES[1].price"), (2, "name"), (3, "CODE")]


# Values of one row

LOOKUPS = Lookups(
    own=RecordIndex(),
    lists={
        "customers": RecordIndex({"C-1": "1"}, {"1"}),
        "products": RecordIndex({"P-1": "10"}, {"10"}),
    },
)


def _reader(endpoint: Endpoint = INVOICES, **column_map: str) -> RowReader:
    return RowReader(endpoint, LOOKUPS, column_map)


def _read(**values: Any) -> Document:
    return _reader().read_row(SourceRow(2, values))


def test_flat() -> None:
    """A row has values of the record and of one item; empty ones are omitted."""
    values = {
        "Code": " F-1 ",
        "Customer": "C-1",
        "Qty": 2,
        "product": "P-1",
        "total": "",
        "price": None,
    }
    document = _reader(Qty="quantity").read_row(SourceRow(2, values))

    assert document.header == {
        "code": FieldValue(2, "Code", "F-1"),
        "customer_id": FieldValue(2, "Customer", 1),
    }
    items = {"quantity": FieldValue(2, "Qty", 2), "product_id": FieldValue(2, "product", 10)}
    assert document.items == {"lines": [items]}
    assert document.columns[None, "total"] == "total"
    assert (document.faults, document.file_faults) == ([], [])
    assert (document.is_blocked, document.is_nested) == (False, False)


@pytest.mark.parametrize(
    "lines",
    [
        [{"Quantity": "1.50", "ProductCode": "P-1", "price": None}, {"quantity": 2}],
        '[{"Quantity": 1.50, "ProductCode": "P-1", "price": null}, {"quantity": 2}]',
    ],
    ids=["list", "text"],
)
def test_nested_list(lines: object) -> None:
    """A list can be in one value, as it is or as JSON text; its numbers are exact."""
    document = _read(Lines=lines)

    first = {
        "quantity": FieldValue(2, "Lines[1].Quantity", Decimal("1.5")),
        "product_id": FieldValue(2, "Lines[1].ProductCode", 10),
    }
    assert document.items == {"lines": [first, {"quantity": FieldValue(2, "Lines[2].quantity", 2)}]}
    assert document.is_nested
    assert not document.faults


@pytest.mark.parametrize("lines", [None, "", " ", [], "[]"])
def test_empty_list(lines: object) -> None:
    """An empty list is no value."""
    document = _read(lines=lines)

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
def test_not_a_list(lines: object) -> None:
    """What is not a list of objects, or repeats a name, is a fault, and is not read."""
    document = _read(lines=lines)

    assert [(fault.row, fault.column) for fault in document.faults] == [(2, "lines")]
    assert document.items == {"lines": []}


def test_faults() -> None:
    """Each value that cannot be sent is reported with the file's own column, in their order."""
    document = _read(Lines=[{"Price": "$5"}], Customer="C-9", total="x" * 99)

    faults = [(fault.row, fault.column, fault.value) for fault in document.faults]
    assert faults == [
        (2, "Lines[1].Price", "$5"),
        (2, "Customer", "C-9"),
        (2, "total", "x" * 79 + "…"),
    ]
    assert document.header["total"] == FieldValue(2, "total", None)
    assert all(fault.what and fault.remedy for fault in document.faults)


def test_unknown_columns() -> None:
    """An unknown column is reported once, and blocks each record that has a value in it."""
    reader = _reader()
    documents = [
        reader.read_row(SourceRow(n, {"foo": value, "id": 1})) for n, value in [(2, "a"), (3, "b")]
    ]
    other = reader.read_row(SourceRow(4, {"foo": " ", "id": None}))

    assert [(fault.row, fault.column) for fault in documents[0].file_faults] == [
        (0, "foo"),
        (0, "id"),
    ]
    assert [documents[1].file_faults, documents[1].faults, other.file_faults] == [[], [], []]
    assert [each.is_blocked for each in [*documents, other]] == [True, True, False]


def test_unnamed_column() -> None:
    """A column without a name is ignored until it has a value; then it is reported."""
    reader = _reader()
    documents = [
        reader.read_row(SourceRow(n, {"code": "a", " ": value})) for n, value in [(2, ""), (3, "x")]
    ]

    assert [[fault.what for fault in each.file_faults] for each in documents] == [
        [],
        ["A column without a name has values."],
    ]
    assert [each.is_blocked for each in documents] == [False, True]


def test_unknown_in_a_list() -> None:
    """An unknown field of an item is reported where it first occurs."""
    reader = _reader()
    documents = [reader.read_row(SourceRow(n, {"lines": [{}, {"foo": 1}]})) for n in (2, 3)]

    assert [(fault.row, fault.column) for fault in documents[0].file_faults] == [
        (2, "lines[2].foo")
    ]
    assert not documents[1].file_faults
    assert documents[1].is_blocked


def test_duplicate_columns() -> None:
    """Two columns of a row, or two names in an item, that are the same field are reported once."""
    reader = _reader()
    values = {"customer": "C-1", "Customer Code": "C-1", "lines": [{"price": 1, "Price": 1}]}
    documents = [reader.read_row(SourceRow(n, values)) for n in (2, 3)]

    faults = [(fault.row, fault.column) for fault in documents[0].file_faults]
    assert faults == [(0, "Customer Code"), (2, "lines[1].Price")]
    assert not documents[1].file_faults
    assert documents[1].is_blocked


def test_spellings_in_two_rows() -> None:
    """Each row can spell a field in its own way."""
    reader = _reader()
    documents = [
        reader.read_row(SourceRow(2, {"Code": "a"})),
        reader.read_row(SourceRow(3, {"CODE": "b"})),
    ]

    assert [(each.code, each.file_faults) for each in documents] == [("a", []), ("b", [])]


def test_list_and_columns() -> None:
    """Items are in one value or in columns, not both."""
    document = _read(lines=[{"price": 1}], price=2)

    (fault,) = document.faults
    assert (fault.column, fault.value) == ("price", "2")
    assert "in one way only" in fault.remedy


def test_addresses() -> None:
    """The only list of a customer can be in columns, as lines can."""
    document = _reader(CUSTOMERS).read_row(
        SourceRow(2, {"code": "C-1", "address_line1": "Vía España"})
    )

    assert document.items == {
        "addresses": [{"line1": FieldValue(2, "address_line1", "Vía España")}]
    }


# Rows and columns of a workbook

LAYOUT = TableLayout(1, "Hoja1", {"code": "A", "customer": "B", "quantity": "C", "price": "D"})


def _sheet_rows(*rows: tuple[str | None, Any], hidden: tuple[int, ...] = ()) -> list[SourceRow]:
    return [
        SourceRow(
            number,
            {"code": code, "customer": "C-1", "quantity": quantity, "price": 1},
            number in hidden,
            LAYOUT,
        )
        for number, (code, quantity) in enumerate(rows, 2)
    ]


def test_hidden_rows() -> None:
    """Records whose rows are all hidden are left out, and the rows are known."""
    reader = _reader()
    rows = _sheet_rows(("F-1", 1), ("F-2", "x"), ("F-2", 1), ("F-3", 1), hidden=(3, 4))

    found = list(read_documents(rows, reader))

    assert [(document.code, document.faults) for document in found] == [("F-1", []), ("F-3", [])]
    assert reader.hidden_rows == [3, 4]


@pytest.mark.parametrize("hidden", [(2,), (3,), (4,), (2, 4)])
def test_partly_hidden_record(hidden: tuple[int, ...]) -> None:
    """A record is never sent without the rows of it that are hidden."""
    rows = _sheet_rows(("F-1", 1), ("F-1", 2), ("F-1", 3), ("F-2", 1), hidden=hidden)

    first, second = read_documents(rows, _reader())

    assert [(fault.row, fault.value) for fault in first.faults] == [(n, "F-1") for n in hidden]
    assert "The row is hidden" in first.faults[0].what
    assert not second.faults


def test_cells_of_faults() -> None:
    """A fault has the address of its cell, one of a column that of its name."""
    (row,) = _sheet_rows(("F-1", "x"))
    document = _reader().read_row(replace(row, values={**row.values, "price ": 1}))

    assert [fault.cell for fault in document.sorted_faults()] == ["Hoja1!C2"]
    assert [fault.column for fault in document.file_faults] == ["price "]


def test_columns_are_known() -> None:
    """It is known which columns were taken as which fields, and where the header is."""
    reader = _reader(Cant="quantity", nota="")
    layout = replace(LAYOUT, header_row=3, hidden=("z",))
    reader.read_row(SourceRow(4, {"Factura": "F-1", "Cant": 1, "nota": 1, "foo": 1}, layout=layout))

    assert reader.columns == {"Factura": "code", "Cant": "quantity", "nota": "", "foo": ""}
    assert (reader.header_row, reader.hidden_columns) == (3, ("z",))


def test_columns_of_the_map_that_are_not_there() -> None:
    """A column of the map that no row has is a fault of the whole file; a hidden one is not."""
    reader = _reader(Cant="quantity", Precoi="price", nota="", precio="price")
    layout = replace(LAYOUT, hidden=("nota",))
    reader.read_row(SourceRow(2, {"code": "F-1", "Cant": 1, "Precio": 2}, layout=layout))
    reader.read_row(SourceRow(3, {"lines": [{"precio": 2}]}))

    assert [(fault.row, fault.column) for fault in reader.find_unused()] == [(0, "Precoi")]
    assert list(_reader(Cant="quantity").find_unused()) == []


def test_declared_format() -> None:
    """Values are read as the file is declared to write them, also in lists."""
    reader = RowReader(INVOICES, LOOKUPS, file_format=FileFormat(decimal=",", dates="dmy"))
    values = {"fecha": "3/4/2026", "lines": [{"precio": "1.234,5"}]}

    document = reader.read_row(SourceRow(2, values))

    assert document.header["document_date"].value == "2026-04-03"
    assert document.items["lines"][0]["price"].value == Decimal("1234.5")


def test_unknown_field_in_the_map() -> None:
    """A column cannot be mapped to something that is not a field."""
    with pytest.raises(UsageError, match="Did you mean 'total'"):
        _reader(Suma="totl")
