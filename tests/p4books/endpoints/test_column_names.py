"""Names that columns of a file have in offices, by the field they mean."""

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.column_names import column_names, example_value, fields_by_name, fold_column
from p4books.push.mapping import column_targets

WRITABLE = [name for name, endpoint in ENDPOINTS.items() if endpoint.writable]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fecha de Vencimiento", "fecha_vencimiento"),
        ("FechaVencimiento", "FECHA VENCIMIENTO"),
        ("Código", "codigo"),
        ("Co\u0301digo", "CÓDIGO"),
        ("có\u200bdigo", "Código"),
        ("Nº de factura", "no factura"),
        ("No. Factura", "no factura"),
        ("cédula / RUC", "Cedula o RUC"),
        ("U/M", "um"),
        ("Cód. cliente", "código de cliente"),
        ("F. vencimiento", "fecha de vencimiento"),
        ("Fec. Venc.", "FechaVencimiento"),
        ("Nº cliente", "número de cliente"),
        ("N° Fact.", "núm. de factura"),
    ],
)
def test_spellings(one: str, other: str) -> None:
    """Case, accents, punctuation, abbreviation and unstressed words make no difference."""
    assert fold_column(one) == fold_column(other)


@pytest.mark.parametrize("name", WRITABLE)
def test_fields_exist(name: str) -> None:
    """Names of an endpoint's own table mean fields that it has."""
    targets = column_targets(ENDPOINTS[name])
    found = {field for fields in fields_by_name(name).values() for field in fields}
    common = {
        "email",
        "phone",
        "tax_id",
        "payment_terms",
        "description",
        "price",
        "balance",
        "name",
    }
    common |= {"warehouse_id", "currency"}

    assert {field for field in found if field not in targets} <= common


@pytest.mark.parametrize("name", WRITABLE)
def test_names_are_not_fields(name: str) -> None:
    """No name is that of another field, which would take precedence."""
    targets = column_targets(ENDPOINTS[name])
    squashed = {field.replace("_", ""): target for field, target in targets.items()}

    for field, names in column_names(name).items():
        for each in names:
            target = squashed.get(fold_column(each))
            assert target is None or field not in targets or target.key == targets[field].key, each


def test_examples() -> None:
    """Required fields have an example."""
    for name in WRITABLE:
        for field, kind in ENDPOINTS[name].fields.items():
            if field in {"code", "name", "customer_id", "document_date", "price"}:
                assert example_value(field, kind)
