"""Mapping of file columns to fields, and of references to the ids of records."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.errors import UsageError
from p4books.push.lookups import Lookups, RecordIndex
from p4books.push.mapping import (
    ColumnMapping,
    ColumnTarget,
    ReferenceBy,
    column_targets,
    duplicate_column,
    item_targets,
    resolve_reference,
)
from p4books.push.values import UnfitValue

# Columns


def _mapping(
    endpoint: Endpoint = INVOICES, column_map: Mapping[str, str] | None = None
) -> ColumnMapping:
    return ColumnMapping(endpoint.name, column_targets(endpoint), column_map)


@pytest.mark.parametrize(
    "column", ["document_date", "DocumentDate", "document date", "DOCUMENT-DATE"]
)
def test_spellings(column: str) -> None:
    """A column is recognised in any spelling."""
    assert _mapping().resolve(column) == ColumnTarget("document_date", FieldType.DAY)


@pytest.mark.parametrize(
    ("endpoint", "column", "target"),
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
def test_targets(endpoint: Endpoint, column: str, target: ColumnTarget) -> None:
    """A column goes to the record, or to its items if only they have it or it is prefixed."""
    assert _mapping(endpoint).resolve(column) == target


def test_adopted_field() -> None:
    """An adopted field is a field, and has precedence over an item's field of the same name."""
    adopted = replace(INVOICES, fields={**INVOICES.fields, "discount": FieldType.MONEY})

    assert _mapping(adopted).resolve("Discount") == ColumnTarget("discount", FieldType.MONEY)
    assert _mapping(adopted).resolve("line_discount") == ColumnTarget(
        "discount", FieldType.MEASURE, "lines"
    )


def test_unknown_column() -> None:
    """An unknown column is reported with the most similar field, and how to map it."""
    found = _mapping().resolve("Duo Date")

    assert isinstance(found, UnfitValue)
    assert found.what == "Unknown invoices field 'Duo Date'. Did you mean 'due_date'?"
    assert '`--map "Duo Date=FIELD"`' in found.remedy
    assert '`--map "Duo Date="`' in found.remedy


@pytest.mark.parametrize("column", ["id", "ID", " Id "])
def test_id(column: str) -> None:
    """A file cannot contain ids."""
    found = _mapping().resolve(column)

    assert isinstance(found, UnfitValue)
    assert found.what == "P4 Books assigns the ids."


def test_column_map() -> None:
    """A column can be mapped to a field, in any spelling, or be ignored."""
    found = _mapping(
        column_map={"Fecha  Doc": "DocumentDate", "ID": "", "subtotal": "line_subtotal"}
    )

    assert found.resolve(" Fecha Doc") == ColumnTarget("document_date", FieldType.DAY)
    assert found.resolve("ID") is None
    assert isinstance(found.resolve("Id"), UnfitValue)
    assert found.resolve("subtotal") == ColumnTarget("subtotal", FieldType.MONEY, "lines")


def test_column_map_in_items() -> None:
    """Within a list, the map holds for the fields of its items, not for the record's."""
    lines = item_targets(INVOICES.inner["lines"], "lines")
    found = ColumnMapping("the lines", lines, {"precio": "price", "quantity": "total"})

    assert found.resolve("precio") == ColumnTarget("price", FieldType.MEASURE, "lines")
    assert found.resolve("quantity") == ColumnTarget("quantity", FieldType.MEASURE, "lines")
    assert isinstance(found.resolve("line_price"), UnfitValue)


@pytest.mark.parametrize(
    ("ours", "why"),
    [
        ("documnt_date", "Unknown .* field .*Did you mean 'document_date'?"),
        ("id", "assigns the ids"),
    ],
)
def test_check_rejects(ours: str, why: str) -> None:
    """A column cannot be mapped to something that is not a field."""
    with pytest.raises(UsageError, match=why):
        _mapping().check_fields({"Fecha": ours})


def test_check_accepts() -> None:
    """Any name that a column can have is accepted, and nothing."""
    _mapping().check_fields({"a": "", "b": "Customer Code", "c": "lines", "d": "line_subtotal"})


def test_duplicate_column() -> None:
    """Two columns that are the same field are both named, and how to ignore one."""
    found = duplicate_column("Customer", "customer_code", "customer_id")

    assert found.what == "Customer and customer_code are both customer_id."
    assert "`--map customer_code=`" in found.remedy


# References

LOOKUPS = Lookups(
    own=RecordIndex(),
    lists={
        "customers": RecordIndex(
            codes={
                "C-1": "1",
                "C-2": "2",
                "5": "9",
                "7": "7",
                "8": "11",
                "TWICE": "20",
                "x": "30",
                "X": "31",
                "Abc": "32",
                "é": "33",
                "É": "34",
            },
            ids={"1", "2", "5", "7", "9", "11", "20", "21", "0b-uuid", "007"},
            duplicates={"TWICE"},
            gone={"3", "8"},
            gone_codes={"C-3"},
        )
    },
    tax_codes={"itbms": "ITBMS", "zona libre": "Zona Libre"},
)


@pytest.mark.parametrize(
    ("value", "by", "id_"),
    [
        ("1", ReferenceBy.EITHER, 1),
        ("C-1", ReferenceBy.EITHER, 1),
        ("C-1", ReferenceBy.CODE, 1),
        ("5", ReferenceBy.CODE, 9),
        ("7", ReferenceBy.EITHER, 7),
        ("0b-uuid", ReferenceBy.EITHER, "0b-uuid"),
        ("007", ReferenceBy.EITHER, "007"),
        ("1.0", ReferenceBy.EITHER, 1),
        ("c-1", ReferenceBy.CODE, 1),
        ("C-1\u200b", ReferenceBy.EITHER, 1),
        ("x", ReferenceBy.CODE, 30),
        ("ABC", ReferenceBy.CODE, 32),
    ],
)
def test_resolved(value: str, by: ReferenceBy, id_: str | int) -> None:
    """A record is referred to by its id or its code; its id is sent, as a number if it is one.

    The exact spelling of a code takes precedence over another one.
    """
    found = resolve_reference("customer_id", value, by, LOOKUPS)

    assert (found, type(found)) == (id_, type(id_))


@pytest.mark.parametrize(
    ("value", "by", "what", "remedy"),
    [
        (
            "5",
            ReferenceBy.EITHER,
            "the id of one customer and the code of another",
            "customer_code",
        ),
        (
            "8",
            ReferenceBy.EITHER,
            "the id of one customer and the code of another",
            "customer_code",
        ),
        ("TWICE", ReferenceBy.EITHER, "More than one customer has this code", "id"),
        ("twice", ReferenceBy.CODE, "More than one customer has this code", "id"),
        ("c-3", ReferenceBy.CODE, "deleted in P4 Books", "still exists"),
        ("C-4", ReferenceBy.CODE, r"Unknown customer 'C-4'. Did you mean 'C-\d'\?", "p4books sync"),
        (
            "zzz",
            ReferenceBy.EITHER,
            "Unknown customer 'zzz'. No other code is similar",
            "p4books sync",
        ),
        ("1", ReferenceBy.CODE, "Unknown customer '1'", "p4books sync"),
        ("3", ReferenceBy.EITHER, "deleted in P4 Books", "still exists"),
        ("C-3", ReferenceBy.CODE, "deleted in P4 Books", "still exists"),
        ("3", ReferenceBy.CODE, "Unknown customer '3'", "p4books sync"),
    ],
)
def test_unresolved(value: str, by: ReferenceBy, what: str, remedy: str) -> None:
    """An unknown, deleted or ambiguous record is reported as such, and what to do."""
    with pytest.raises(UnfitValue, match=what) as unfit:
        resolve_reference("customer_id", value, by, LOOKUPS)

    assert remedy in unfit.value.remedy


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("tax_code", "itbms", "itbms"),
        ("tax_code", "Zona libre", "Zona libre"),
        ("warehouse_id", "12", 12),
        ("sales_order_id", "012", "012"),
        ("product_group_id", "9" * 19, "9" * 19),
        ("tax_id", "12", "12"),
        ("price", 5, 5),
    ],
)
def test_not_looked_up(field: str, value: str | int, sent: str | int) -> None:
    """A known tax code is sent as written, and so is an id of a list that is not synced."""
    assert resolve_reference(field, value, ReferenceBy.EITHER, LOOKUPS) == sent


def test_unknown_tax_code() -> None:
    """An unknown tax code is reported with the known ones; if none is known, any is accepted."""
    with pytest.raises(UnfitValue, match="known are ITBMS, Zona Libre"):
        resolve_reference("tax_code", "IVA", ReferenceBy.EITHER, LOOKUPS)

    assert resolve_reference("tax_code", "IVA", ReferenceBy.EITHER, Lookups(RecordIndex())) == "IVA"
