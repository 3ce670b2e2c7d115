"""Mapping of file columns to fields, and of references to the ids of records."""

import csv
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from p4books.endpoints.column_names import fields_by_name
from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.endpoints.purchase_orders import PURCHASE_ORDERS
from p4books.endpoints.vendors import VENDORS
from p4books.errors import UsageError
from p4books.push.lookups import Lookups, RecordIndex, TaxRate
from p4books.push.mapping import (
    ColumnMapping,
    ColumnTarget,
    ReferenceBy,
    Resolved,
    column_targets,
    duplicate_column,
    field_checker,
    item_targets,
    list_column_names,
    list_unused,
    resolve_reference,
)
from p4books.push.values import UnfitValue
from p4books.transform.models import sql_folder
from p4books.transform.vocabulary import load_vocabulary

# Columns


def _mapping(
    endpoint: Endpoint = INVOICES, column_map: Mapping[str, str] | None = None
) -> ColumnMapping:
    return ColumnMapping(endpoint.name, column_targets(endpoint), column_map)


@pytest.mark.parametrize("endpoint", [INVOICES, PRODUCTS, PURCHASE_ORDERS, CUSTOMERS, VENDORS])
def test_labels_of_published_columns(endpoint: Endpoint) -> None:
    """A file of staging for people is read as one for programs: labels are fields, too."""
    labels = load_vocabulary(sql_folder())
    golden = Path(__file__).parents[2] / "sql" / "golden" / f"staging.{endpoint.name}.csv"
    with golden.open(encoding="utf-8", newline="") as file:
        names = next(csv.reader(file))
    mapping = ColumnMapping(
        endpoint.name, column_targets(endpoint), names=fields_by_name(endpoint.name)
    )
    known = {name: found for name, found in mapping.resolve(names).items() if is_target(found)}

    for language in ("label_en", "label_es"):
        spelled = {
            name: getattr(labels.describe_column(f"staging.{endpoint.name}", name), language)
            for name in names
        }
        found = mapping.resolve(spelled.values())
        assert {name: found[spelled[name]] for name in known} == known


def is_target(found: Resolved) -> bool:
    return isinstance(found, ColumnTarget)


def _resolve(mapping: ColumnMapping, column: str) -> Resolved:
    return mapping.resolve([column])[column]


@pytest.mark.parametrize(
    "column", ["document_date", "DocumentDate", "document date", "DOCUMENT-DATE"]
)
def test_spellings(column: str) -> None:
    """A column is recognised in any spelling."""
    assert _resolve(_mapping(), column) == ColumnTarget("document_date", FieldType.DAY)


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
    assert _resolve(_mapping(endpoint), column) == target


def test_adopted_field() -> None:
    """An adopted field is a field, and has precedence over an item's field of the same name."""
    adopted = replace(INVOICES, fields={**INVOICES.fields, "discount": FieldType.MONEY})

    assert _resolve(_mapping(adopted), "Discount") == ColumnTarget("discount", FieldType.MONEY)
    assert _resolve(_mapping(adopted), "line_discount") == ColumnTarget(
        "discount", FieldType.MEASURE, "lines"
    )


def test_unknown_column() -> None:
    """An unknown column is reported with the most similar field, and how to map it."""
    found = _resolve(_mapping(), "Duo Date")

    assert isinstance(found, UnfitValue)
    assert found.what == "Unknown invoices field 'Duo Date'. Did you mean 'due_date'?"
    assert '`--map "Duo Date=FIELD"`' in found.remedy
    assert '`--map "Duo Date="`' in found.remedy


@pytest.mark.parametrize("column", ["id", "ID", " Id "])
def test_id(column: str) -> None:
    """A file cannot contain ids."""
    found = _resolve(_mapping(), column)

    assert isinstance(found, UnfitValue)
    assert found.what == "P4 Books assigns the ids."


def test_column_map() -> None:
    """A column can be mapped to a field, in any spelling, or be ignored."""
    found = _mapping(
        column_map={"Fecha  Doc": "DocumentDate", "ID": "", "subtotal": "line_subtotal"}
    )

    assert _resolve(found, " Fecha Doc") == ColumnTarget("document_date", FieldType.DAY)
    assert _resolve(found, "ID") is None
    assert isinstance(_resolve(found, "Id"), UnfitValue)
    assert _resolve(found, "subtotal") == ColumnTarget("subtotal", FieldType.MONEY, "lines")


def test_column_map_in_items() -> None:
    """Within a list, the map holds for the fields of its items, not for the record's."""
    lines = item_targets(INVOICES.inner["lines"], "lines")
    found = ColumnMapping("the lines", lines, {"precio": "price", "quantity": "total"})

    assert _resolve(found, "precio") == ColumnTarget("price", FieldType.MEASURE, "lines")
    assert _resolve(found, "quantity") == ColumnTarget("quantity", FieldType.MEASURE, "lines")
    assert isinstance(_resolve(found, "line_price"), UnfitValue)


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


def _office(endpoint: Endpoint, *columns: str) -> dict[str, str]:
    """Return the fields that columns are taken as; what is wrong with the others."""
    mapping = ColumnMapping(
        endpoint.name, column_targets(endpoint), names=fields_by_name(endpoint.name)
    )
    return {
        column: mapping.name_target(target) if isinstance(target, ColumnTarget) else target.what
        for column, target in mapping.resolve(columns).items()
        if target
    }


@pytest.mark.parametrize(
    ("endpoint", "columns", "fields"),
    [
        (
            CUSTOMERS,
            "Código|Nombre|RUC|Teléfono|Correo|Condiciones de pago|Límite de crédito|Dirección",
            "code|name|tax_id|phone|email|payment_terms|credit_limit|line1",
        ),
        (
            PRODUCTS,
            "codigo|descripción|Precio Unitario|UNIDAD|Costo|Impuesto|Estado",
            "code|description|price|unit_of_measure|cost|tax_code|status",
        ),
        (
            INVOICES,
            "Factura|Cliente|Fecha|Vence|Producto|Cantidad|Precio|Descuento|ITBMS|Total",
            "code|customer|document_date|due_date|product|quantity|price|discount|tax_total|total",
        ),
        (INVOICES, "número|código de cliente|código", "code|customer_code|product_code"),
        (INVOICES, "código|cliente|producto", "code|customer|product"),
        (INVOICES, "no.|impuesto|total de impuestos", "code|tax_code|tax_total"),
        (
            PURCHASE_ORDERS,
            "OC|proveedor|fecha de entrega|bodega",
            "code|vendor|expected_date|warehouse_id",
        ),
        (PRODUCTS, "Producto|Nombre", "code|name"),
        (
            INVOICES,
            "No. fact.|Cód. de cliente|F. vencimiento|Cód. prod.|Desc.|Descuento|Cant.|P. unit.",
            "code|customer_code|due_date|product_code|description|discount|quantity|price",
        ),
        (CUSTOMERS, "Cód. cliente|Nombre", "code|name"),
        (PRODUCTS, "Producto|SKU", "name|code"),
        (CUSTOMERS, "customer_code|customer_name", "code|name"),
    ],
)
def test_office_names(endpoint: Endpoint, columns: str, fields: str) -> None:
    """Common names are recognised; one that can mean several fields is the one that is left."""
    names = columns.split("|")

    found = _office(endpoint, *names)

    assert list(found.values()) == fields.split("|")


@pytest.mark.parametrize(
    ("endpoint", "columns", "what"),
    [
        (INVOICES, "código|cliente|cantidad", "código can be code or product_code."),
        (INVOICES, "desc.|cantidad", "desc. can be description or discount."),
        (INVOICES, "número|impuesto", "impuesto can be tax_total or tax_code."),
        (PRODUCTS, "producto|precio", "producto can be code or name."),
    ],
)
def test_ambiguous_names(endpoint: Endpoint, columns: str, what: str) -> None:
    """A name that may be of several fields is an error that says how to map it."""
    assert what in _office(endpoint, *columns.split("|")).values()


def test_map_before_names() -> None:
    """A column that is mapped is what the map says, and another name takes what is left."""
    mapping = _mapping(INVOICES, {"Fecha": "due_date"})

    assert mapping.knows("Fecha")
    assert not mapping.knows("Vence")
    assert _resolve(mapping, "Fecha") == ColumnTarget("due_date", FieldType.DAY)
    assert mapping.used == {"Fecha"}


def test_unused_map() -> None:
    """A column of the map that the file does not have is reported with the similar one."""
    ((column, unfit),) = list_unused({"precoi": "price", "a  b": ""}, {"a b"}, ["Precio", "a b"])

    assert column == "precoi"
    assert unfit.what == "Unknown column 'precoi'. Did you mean 'Precio'? Available: Precio, a b."


def test_field_checker() -> None:
    """A column can be a field by its name, by a name of offices, or by the map."""
    is_field = field_checker(INVOICES, {"x": "code", "y": ""})

    names = ["code", "Código", "x", "y", "Vence", "Clientes nuevos", "", "id"]
    assert [is_field(name) for name in names] == [True] * 5 + [False] * 3


def test_listed_names() -> None:
    """The names of a field are listed, those of several fields with a question mark."""
    names = list_column_names(INVOICES, "product_id", "lines")

    assert names[:4] == ["product", "product_code", "producto", "artículo"]
    assert "código?" in names
    assert list_column_names(INVOICES, "subtotal", "lines")[0] == "line_subtotal"
    assert list_column_names(INVOICES, "subtotal") == []


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
            load_names=lambda: [("C-1", "Farmacia  La Tablita S.A."), ("x", "Eva"), ("X", "Eva")],
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
        (
            "FARMACIA LA TABLITA S.A.",
            ReferenceBy.EITHER,
            "It is the name of customer C-1",
            "Write its code: C-1.",
        ),
        ("eva", ReferenceBy.CODE, "It is the name of 2 customers: x, X", "code of the right one"),
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


@pytest.mark.parametrize("value", ["7%", "7 %", "7", "7,0%"])
def test_rate_for_a_tax_code(value: str) -> None:
    """A rate in place of a tax code is reported with the codes that have it."""
    rates = {"itbms": [TaxRate(Decimal("0.05")), TaxRate(Decimal("0.07"))]}
    lookups = Lookups(RecordIndex(), tax_codes={"itbms": "ITBMS", "x": "X"}, rates=rates)

    with pytest.raises(UnfitValue, match="a rate, not a tax code") as unfit:
        resolve_reference("tax_code", value, ReferenceBy.EITHER, lookups)

    assert unfit.value.remedy == "Write the tax code: ITBMS."
