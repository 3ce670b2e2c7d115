"""What must a record have?"""

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.endpoints.purchase_orders import PURCHASE_ORDERS
from p4books.endpoints.vendors import VENDORS
from p4books.push.documents import Document, FieldValue
from p4books.push.types import SourceRow
from p4books.push.validate import find_missing


def lacks(document: Document, endpoint: Endpoint) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.what) for fault in find_missing(document, endpoint)]


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [
        (PRODUCTS, ["code", "name"]),
        (CUSTOMERS, ["code", "name"]),
        (VENDORS, ["code", "name"]),
        (INVOICES, ["code", "customer_id", "lines"]),
        (PURCHASE_ORDERS, ["code", "vendor_id", "lines"]),
    ],
    ids=lambda given: given.name if isinstance(given, Endpoint) else "",
)
def test_empty(endpoint: Endpoint, fields: list[str]) -> None:
    """Of an empty record each thing that it must have is told, in our spelling."""
    assert [column for _, column, _ in lacks(Document([SourceRow(5, {})]), endpoint)] == fields


def test_columns() -> None:
    """What is lacking is told under the file's own column, where it has one."""
    document = Document([SourceRow(5, {})], {"customer_id": FieldValue(5, "Customer", 1)})
    document.columns = {(None, "code"): "Código", (None, "lines"): "Líneas"}

    assert lacks(document, INVOICES) == [
        (5, "Código", "code is empty."),
        (5, "Líneas", "It has no lines."),
    ]


def test_what_is_wrong_is_not_lacking() -> None:
    """A value that can't be sent is not told again as a value that is not there."""
    header = {"code": FieldValue(5, "code", None), "customer_id": FieldValue(5, "customer", None)}
    document = Document([SourceRow(5, {})], header, {"lines": []})

    assert lacks(document, INVOICES) == []


def test_lines_in_rows() -> None:
    """A line that stands in a row of its own is told by that row."""
    header = {"code": FieldValue(5, "code", "F-1"), "customer_id": FieldValue(5, "customer", 1)}
    lines = [
        {"quantity": FieldValue(5, "Qty", 1), "price": FieldValue(5, "price", 1)},
        {"description": FieldValue(6, "description", "Flete")},
    ]
    document = Document([SourceRow(5, {}), SourceRow(6, {})], header, {"lines": lines})
    document.columns = {("lines", "quantity"): "Qty"}

    assert lacks(document, INVOICES) == [
        (6, "Qty", "quantity of line 2 is empty."),
        (6, "price", "price of line 2 is empty."),
    ]


def test_lines_in_one_value() -> None:
    """A line that stands in a list is told by its place there, be it empty."""
    header = {"code": FieldValue(5, "code", "F-1"), "customer_id": FieldValue(5, "customer", 1)}
    lines = [{"quantity": FieldValue(5, "Lines[1].quantity", 1)}, {}]
    document = Document([SourceRow(5, {})], header, {"lines": lines}, is_nested=True)
    document.columns = {(None, "lines"): "Lines"}

    assert [column for _, column, _ in lacks(document, INVOICES)] == [
        "Lines[1].price",
        "Lines[2].quantity",
        "Lines[2].price",
    ]
