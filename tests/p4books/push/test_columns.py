"""Which field is each column of a file?"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.errors import UsageError
from p4books.push.mapping import (
    ColumnMapping,
    ColumnTarget,
    ReferenceBy,
    column_targets,
    duplicate_column,
    item_targets,
)
from p4books.push.values import UnfitValue


def columns(
    endpoint: Endpoint = INVOICES, renamed: Mapping[str, str] | None = None
) -> ColumnMapping:
    return ColumnMapping(endpoint.name, column_targets(endpoint), renamed)


@pytest.mark.parametrize(
    "column", ["document_date", "DocumentDate", "document date", "DOCUMENT-DATE"]
)
def test_spellings(column: str) -> None:
    """A column is found in whatever spelling."""
    assert columns().find(column) == ColumnTarget("document_date", FieldType.DAY)


@pytest.mark.parametrize(
    ("endpoint", "column", "place"),
    [
        (INVOICES, "Customer", ColumnTarget("customer_id", FieldType.TEXT)),
        (INVOICES, "Customer ID", ColumnTarget("customer_id", FieldType.TEXT)),
        (
            INVOICES,
            "Customer Code",
            ColumnTarget("customer_id", FieldType.TEXT, by=ReferenceBy.CODE),
        ),
        (INVOICES, "subtotal", ColumnTarget("subtotal", FieldType.MONEY)),
        (INVOICES, "line_subtotal", ColumnTarget("subtotal", FieldType.MONEY, "lines")),
        (INVOICES, "LineNumber", ColumnTarget("line_number", FieldType.COUNT, "lines")),
        (INVOICES, "line tax code", ColumnTarget("tax_code", FieldType.TEXT, "lines")),
        (INVOICES, "tax_code", ColumnTarget("tax_code", FieldType.TEXT, "lines")),
        (INVOICES, "quantity", ColumnTarget("quantity", FieldType.MEASURE, "lines")),
        (INVOICES, "product", ColumnTarget("product_id", FieldType.TEXT, "lines")),
        (
            INVOICES,
            "LineProductCode",
            ColumnTarget("product_id", FieldType.TEXT, "lines", ReferenceBy.CODE),
        ),
        (INVOICES, "lines", ColumnTarget("lines", None)),
        (CUSTOMERS, "address_line1", ColumnTarget("line1", FieldType.TEXT, "addresses")),
        (CUSTOMERS, "Address Type", ColumnTarget("address_type", FieldType.TEXT, "addresses")),
        (CUSTOMERS, "city", ColumnTarget("city", FieldType.TEXT, "addresses")),
        (CUSTOMERS, "tax_code", ColumnTarget("tax_code", FieldType.TEXT)),
        (PRODUCTS, "price", ColumnTarget("price", FieldType.MEASURE)),
    ],
)
def test_places(endpoint: Endpoint, column: str, place: ColumnTarget) -> None:
    """A column goes to the record, or to an item of it where only that has it or it is said so."""
    assert columns(endpoint).find(column) == place


def test_adopted() -> None:
    """A field that was adopted is one, and goes before an item's of the same name."""
    adopted = replace(INVOICES, fields={**INVOICES.fields, "discount": FieldType.MONEY})

    assert columns(adopted).find("Discount") == ColumnTarget("discount", FieldType.MONEY)
    assert columns(adopted).find("line_discount") == ColumnTarget(
        "discount", FieldType.MEASURE, "lines"
    )


def test_unknown() -> None:
    """An unknown column is told with the nearest known one, and how to map it."""
    found = columns().find("Duo Date")

    assert isinstance(found, UnfitValue)
    assert found.what == "Unknown invoices field 'Duo Date'. Did you mean 'due_date'?"
    assert '`--map "Duo Date=FIELD"`' in found.remedy
    assert '`--map "Duo Date="`' in found.remedy


@pytest.mark.parametrize("column", ["id", "ID", " Id "])
def test_id(column: str) -> None:
    """Ids are not for a file to give."""
    found = columns().find(column)

    assert isinstance(found, UnfitValue)
    assert found.what == "P4 Books assigns the ids."


def test_renamed() -> None:
    """A column may be said to be a field, in whatever spelling, or be left out."""
    found = columns(renamed={"Fecha  Doc": "DocumentDate", "ID": "", "subtotal": "line_subtotal"})

    assert found.find(" Fecha Doc") == ColumnTarget("document_date", FieldType.DAY)
    assert found.find("ID") is None
    assert isinstance(found.find("Id"), UnfitValue)
    assert found.find("subtotal") == ColumnTarget("subtotal", FieldType.MONEY, "lines")


def test_renamed_in_items() -> None:
    """Within a list, what was said holds for its own fields, and not for the record's."""
    lines = item_targets(INVOICES.inner["lines"], "lines")
    found = ColumnMapping("the lines", lines, {"precio": "price", "quantity": "total"})

    assert found.find("precio") == ColumnTarget("price", FieldType.MEASURE, "lines")
    assert found.find("quantity") == ColumnTarget("quantity", FieldType.MEASURE, "lines")
    assert isinstance(found.find("line_price"), UnfitValue)


@pytest.mark.parametrize(
    ("ours", "why"),
    [
        ("documnt_date", "Unknown .* field .*Did you mean 'document_date'?"),
        ("id", "assigns the ids"),
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
    found = duplicate_column("Customer", "customer_code", "customer_id")

    assert found.what == "Customer and customer_code are both customer_id."
    assert "`--map customer_code=`" in found.remedy
