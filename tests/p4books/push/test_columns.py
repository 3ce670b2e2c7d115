"""Which field is each column of a file?"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from p4books.endpoint import Endpoint, Kind
from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.errors import UsageError
from p4books.push.columns import Columns, Place, doubled, item_places, places
from p4books.push.references import By
from p4books.push.values import Unfit


def columns(endpoint: Endpoint = INVOICES, renamed: Mapping[str, str] | None = None) -> Columns:
    return Columns(endpoint.name, places(endpoint), renamed)


@pytest.mark.parametrize(
    "column", ["document_date", "DocumentDate", "document date", "DOCUMENT-DATE"]
)
def test_spellings(column: str) -> None:
    """A column is found in whatever spelling."""
    assert columns().find(column) == Place("document_date", Kind.DAY)


@pytest.mark.parametrize(
    ("endpoint", "column", "place"),
    [
        (INVOICES, "Customer", Place("customer_id", Kind.TEXT)),
        (INVOICES, "Customer ID", Place("customer_id", Kind.TEXT)),
        (INVOICES, "Customer Code", Place("customer_id", Kind.TEXT, by=By.CODE)),
        (INVOICES, "subtotal", Place("subtotal", Kind.MONEY)),
        (INVOICES, "line_subtotal", Place("subtotal", Kind.MONEY, "lines")),
        (INVOICES, "LineNumber", Place("line_number", Kind.COUNT, "lines")),
        (INVOICES, "line tax code", Place("tax_code", Kind.TEXT, "lines")),
        (INVOICES, "tax_code", Place("tax_code", Kind.TEXT, "lines")),
        (INVOICES, "quantity", Place("quantity", Kind.MEASURE, "lines")),
        (INVOICES, "product", Place("product_id", Kind.TEXT, "lines")),
        (INVOICES, "LineProductCode", Place("product_id", Kind.TEXT, "lines", By.CODE)),
        (INVOICES, "lines", Place("lines", None)),
        (CUSTOMERS, "address_line1", Place("line1", Kind.TEXT, "addresses")),
        (CUSTOMERS, "Address Type", Place("address_type", Kind.TEXT, "addresses")),
        (CUSTOMERS, "city", Place("city", Kind.TEXT, "addresses")),
        (CUSTOMERS, "tax_code", Place("tax_code", Kind.TEXT)),
        (PRODUCTS, "price", Place("price", Kind.MEASURE)),
    ],
)
def test_places(endpoint: Endpoint, column: str, place: Place) -> None:
    """A column goes to the record, or to an item of it where only that has it or it is said so."""
    assert columns(endpoint).find(column) == place


def test_adopted() -> None:
    """A field that was adopted is one, and goes before an item's of the same name."""
    adopted = replace(INVOICES, fields={**INVOICES.fields, "discount": Kind.MONEY})

    assert columns(adopted).find("Discount") == Place("discount", Kind.MONEY)
    assert columns(adopted).find("line_discount") == Place("discount", Kind.MEASURE, "lines")


def test_unknown() -> None:
    """An unknown column is told with the nearest known one, and how to map it."""
    found = columns().find("Duo Date")

    assert isinstance(found, Unfit)
    assert found.what == "There is no field Duo Date in invoices; did you mean due_date?"
    assert '`--map "Duo Date=FIELD"`' in found.remedy
    assert '`--map "Duo Date="`' in found.remedy


@pytest.mark.parametrize("column", ["id", "ID", " Id "])
def test_id(column: str) -> None:
    """Ids are not for a file to give."""
    found = columns().find(column)

    assert isinstance(found, Unfit)
    assert found.what == "P4 Books gives the ids."


def test_renamed() -> None:
    """A column may be said to be a field, in whatever spelling, or be left out."""
    found = columns(renamed={"Fecha  Doc": "DocumentDate", "ID": "", "subtotal": "line_subtotal"})

    assert found.find(" Fecha Doc") == Place("document_date", Kind.DAY)
    assert found.find("ID") is None
    assert isinstance(found.find("Id"), Unfit)
    assert found.find("subtotal") == Place("subtotal", Kind.MONEY, "lines")


def test_renamed_in_items() -> None:
    """Within a list, what was said holds for its own fields, and not for the record's."""
    lines = item_places(INVOICES.inner["lines"], "lines")
    found = Columns("the lines", lines, {"precio": "price", "quantity": "total"})

    assert found.find("precio") == Place("price", Kind.MEASURE, "lines")
    assert found.find("quantity") == Place("quantity", Kind.MEASURE, "lines")
    assert isinstance(found.find("line_price"), Unfit)


@pytest.mark.parametrize(
    ("ours", "why"),
    [
        ("documnt_date", "there is no field .*; did you mean document_date?"),
        ("id", "gives the ids"),
    ],
)
def test_senseless(ours: str, why: str) -> None:
    """A column can't be renamed to what is no field."""
    with pytest.raises(UsageError, match=why):
        columns().check({"Fecha": ours})


def test_sensible() -> None:
    """What may be a column, or nothing, is no mistake."""
    columns().check({"a": "", "b": "Customer Code", "c": "lines", "d": "line_subtotal"})


def test_doubled() -> None:
    """Two columns that are one field are both named, and how to leave one out."""
    found = doubled("Customer", "customer_code", "customer_id")

    assert found.what == "Customer and customer_code are both customer_id."
    assert "`--map customer_code=`" in found.remedy
